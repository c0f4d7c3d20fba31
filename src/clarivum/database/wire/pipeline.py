"""The short reads: a few connections that all requests share, several requests in flight on each.

    caller ──► least-loaded connection with room ──► answer, in order, one Sync each
                     │ none has room
                     ▼
               waiting line (bounded, at most 2 s, else 503)

A read that holds up its connection for `STALL_S` gets no more company: those behind it are sent again elsewhere (they
are reads; whoever is answered first is delivered), new ones go elsewhere. One that reaches `SHORT_READ_TIMEOUT_MS` is
cancelled by Postgres and run on a connection of its own with its role's whole timeout, as is, for a while, every
further call of that query: declare it `slow` and it goes there at once.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from clarivum.database.context import Context
from clarivum.database.queries import Query
from clarivum.database.sqlstate import DatabaseError, connection_lost, pool_exhausted
from clarivum.database.wire.levels import REROUTED
from clarivum.database.wire.prepared import Prepared
from clarivum.database.wire.read import Call, NeedsOwnConnection, Read
from clarivum.telemetry import get_logger

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from clarivum.database.wire.connection import Wire

DEPTH = 16
"""Requests in flight on one connection. More gains no throughput and lengthens the line behind a slow one."""
WAITING_LIMIT = 1_000
PATIENCE_S = 2.0
SLOW_FOR_S = 30.0
BACKOFF_FIRST_S = 0.05
BACKOFF_LAST_S = 1.0
TIMER_SLACK_S = 0.001

LOG = get_logger(__name__)
Connect = Callable[[], Awaitable["Wire"]]


class Pipelines:
    """The shared connections of one Database. `has_room_elsewhere` says whether a read could get its own connection."""

    def __init__(self, connect: Connect, size: int, has_room_elsewhere: Callable[[], bool]) -> None:
        self._connect = connect
        self._size = size
        self._has_room_elsewhere = has_room_elsewhere
        self._loop = asyncio.get_running_loop()
        self._wires: list[Wire] = []
        self._waiting: deque[Call] = deque()
        self._waiting_timer: asyncio.TimerHandle | None = None
        self._slow_until_s: dict[Query, float] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._down_since_s: float | None = None
        self._closing = False

    async def open(self) -> None:
        """Connect all. Raises DatabaseError when one cannot."""
        wires = await asyncio.gather(*(self._connect() for _ in range(self._size)), return_exceptions=True)
        failures = [wire for wire in wires if isinstance(wire, BaseException)]
        for wire in wires:
            if not isinstance(wire, BaseException):
                if failures:
                    wire.close()
                else:
                    self._keepers.append(self._loop.create_task(self._keep(self._adopt(wire))))
        if failures:
            raise failures[0]

    async def close(self) -> None:
        self._closing = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for wire in tuple(self._wires):
            wire.close()
        if self._waiting_timer is not None:
            self._waiting_timer.cancel()
        for call in self._waiting:
            call.fail(connection_lost("the database was closed"))
        self._waiting.clear()

    # -- reading -----------------------------------------------------------------------------------------------------
    async def read(self, query: Query, context: Context, values: list[bytes | None]) -> "tuple[Prepared, PGresult]":
        """One round trip. Raises DatabaseError, or NeedsOwnConnection when the caller should take the other path."""
        if self._slow_until_s and self._is_slow(query):
            raise NeedsOwnConnection
        call = Call(query, context, values, self._loop.create_future())
        wire = None if self._waiting else self._choose()
        if wire is None:
            self._wait(call)
        else:
            self._send(wire, call)
        return await call.future

    def again(self, call: Call, after_s: float) -> None:
        """Send a call once more, before those that wait."""
        if after_s:
            self._loop.call_later(after_s, self.again, call, 0.0)
        elif not call.future.done():
            self._wait(call, first=True)
            self._dispatch()

    def too_slow(self, query: Query) -> None:
        self._slow_until_s[query] = self._loop.time() + SLOW_FOR_S

    def _is_slow(self, query: Query) -> bool:
        until_s = self._slow_until_s.get(query)
        if until_s is None:
            return False
        if until_s < self._loop.time():
            del self._slow_until_s[query]
            return False
        return True

    def _choose(self) -> "Wire | None":
        best, load = None, DEPTH
        for wire in self._wires:
            flying = len(wire.in_flight)
            if flying < load and not wire.stalled:
                best, load = wire, flying
        return best

    def _send(self, wire: "Wire", call: Call) -> None:
        read = Read(self, call)
        try:
            read.send(wire)
        except DatabaseError as error:
            read.lost(error)

    # -- waiting -----------------------------------------------------------------------------------------------------
    def _wait(self, call: Call, *, first: bool = False) -> None:
        now_s = self._loop.time()
        if self._closing:
            call.fail(connection_lost("the database was closed"))
        elif self._down_since_s is not None and now_s - self._down_since_s > PATIENCE_S:
            call.fail(connection_lost("no connection; trying to get one"))
        elif self._wires and all(wire.stalled for wire in self._wires) and self._has_room_elsewhere():
            call.fail(NeedsOwnConnection())
        elif len(self._waiting) >= WAITING_LIMIT and not first:
            call.fail(pool_exhausted(f"{len(self._waiting)} reads wait already"))
        else:
            if first:
                self._waiting.appendleft(call)
            else:
                self._waiting.append(call)
            call.queued_at_s = call.queued_at_s or now_s
            if self._waiting_timer is None:
                self._waiting_timer = self._loop.call_at(call.queued_at_s + PATIENCE_S, self._expire)

    def _expire(self) -> None:
        """Those that waited too long get their 503; the timer goes on while there is a line."""
        self._waiting_timer = None
        oldest_s = self._loop.time() - PATIENCE_S + TIMER_SLACK_S
        still = [call for call in self._waiting if not call.future.done()]
        self._waiting = deque(call for call in still if call.queued_at_s > oldest_s)
        for call in still:
            if call.queued_at_s <= oldest_s:
                call.fail(pool_exhausted(f"a read waited {PATIENCE_S:g} s for a shared connection"))
        if self._waiting:
            next_s = min(call.queued_at_s for call in self._waiting) + PATIENCE_S
            self._waiting_timer = self._loop.call_at(next_s, self._expire)

    def _dispatch(self) -> None:
        waiting = self._waiting
        while waiting:
            wire = self._choose()
            if wire is None:
                return
            call = waiting.popleft()
            if not call.future.done():
                self._send(wire, call)

    def _stalled(self, wire: "Wire") -> None:
        """Send those behind a slow head elsewhere, each once."""
        behind = [read.call for read in list(wire.in_flight)[1:] if isinstance(read, Read)]
        for call in reversed(behind):
            if not call.future.done() and not call.hedged:
                REROUTED.add(1, "stalled")
                call.hedged = True
                self._wait(call, first=True)
        self._dispatch()

    # -- connections -------------------------------------------------------------------------------------------------
    def _adopt(self, wire: "Wire") -> asyncio.Event:
        """Send reads over `wire` from now on. The event is set when it has ended."""
        gone = asyncio.Event()
        wire.add_lost_callback(lambda lost: self._lost(lost, gone))
        wire.on_room = self._dispatch
        wire.on_stall = self._stalled
        self._wires.append(wire)
        self._down_since_s = None
        self._dispatch()
        return gone

    async def _keep(self, gone: asyncio.Event) -> None:
        """Keep one of the shared connections open for as long as the Database is."""
        while True:
            await gone.wait()
            gone = self._adopt(await self._reconnect())

    async def _reconnect(self) -> "Wire":
        backoff_s = BACKOFF_FIRST_S
        while True:
            try:
                wire = await self._connect()
            except DatabaseError as error:
                if backoff_s == BACKOFF_FIRST_S:
                    LOG.warning("database does not answer", reason=error.log)
                await asyncio.sleep(random.uniform(backoff_s / 2, backoff_s))  # noqa: S311 (jitter)
                backoff_s = min(backoff_s * 2, BACKOFF_LAST_S)
            else:
                LOG.info("database connection replaced")
                return wire

    def _lost(self, wire: "Wire", gone: asyncio.Event) -> None:
        self._wires.remove(wire)
        if not self._wires:
            self._down_since_s = self._loop.time()
        if not self._closing:
            LOG.warning("database connection lost", reason=wire.ended)
        gone.set()

    # -- facts -------------------------------------------------------------------------------------------------------
    @property
    def open_count(self) -> int:
        return len(self._wires)

    @property
    def in_flight(self) -> int:
        return sum(len(wire.in_flight) for wire in self._wires)

    @property
    def waiting(self) -> int:
        return len(self._waiting)
