"""Connections of one's own: for transactions, for writes, and for reads that may be slow or must be cancelled.

Only a connection that is verified to be idle, outside a transaction, with nothing in flight, goes back. It is not
cleaned then but when it is next used: each unit of work begins by resetting the session and setting role, claims,
time-out and read-only for itself, in the same round trip.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from clarivum.database.sqlstate import DatabaseError, connection_lost, pool_exhausted
from clarivum.database.wire.batch import Batch
from clarivum.database.wire.libpq import IDLE
from clarivum.database.wire.prepared import ROLLBACK

if TYPE_CHECKING:
    from clarivum.database.wire.connection import Wire

ACQUIRE_TIMEOUT_S = 2.0
RECOVER_TIMEOUT_S = 5.0
ROLLBACK_BUDGET_S = 5.0

Connect = Callable[[], Awaitable["Wire"]]


class Pool:
    """At most `size` connections, opened when first needed, the most recently used first."""

    def __init__(self, connect: Connect, size: int, acquire_timeout_s: float = ACQUIRE_TIMEOUT_S) -> None:
        self._connect = connect
        self._size = size
        self._acquire_timeout_s = acquire_timeout_s
        self._idle: list[Wire] = []
        self._connecting = 0
        self._wires: set[Wire] = set()
        self._waiters: deque[asyncio.Future[Wire | None]] = deque()
        self._recoveries: set[asyncio.Task[None]] = set()
        self._closed = False

    async def acquire(self) -> "Wire":
        """A clean connection. Raises DatabaseError (unavailable): none within the time-out, or no server."""
        deadline_s: float | None = None
        while True:
            if self._closed:
                raise connection_lost("the database was closed")
            if self._idle:
                wire = self._idle.pop()
                wire.read_on()  # its end may have arrived in this very turn of the loop
                if not wire.closed:
                    return wire
                continue
            if self.open_count < self._size:
                return await self._open_one()
            if deadline_s is None:
                deadline_s = asyncio.get_running_loop().time() + self._acquire_timeout_s
            handed = await self._wait(deadline_s)
            if handed is not None:
                return handed

    def release(self, wire: "Wire") -> None:
        """Give back a connection after its transaction; one that is not clean is closed instead."""
        if wire.closed:
            return
        if self._closed or wire.in_flight or wire.transaction_status != IDLE:
            wire.close()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(wire)
                return
        self._idle.append(wire)

    def recover(self, wire: "Wire") -> "asyncio.Task[None]":
        """Cancel what still runs, roll back, give back: in the background, whatever becomes of the caller."""
        task = asyncio.get_running_loop().create_task(self._recover(wire))
        self._recoveries.add(task)
        task.add_done_callback(self._recoveries.discard)
        return task

    async def close(self) -> None:
        self._closed = True
        for recovery in tuple(self._recoveries):
            recovery.cancel()
        await asyncio.gather(*self._recoveries, return_exceptions=True)
        for wire in tuple(self._wires):
            wire.close()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    # -- steps -------------------------------------------------------------------------------------------------------
    async def _open_one(self) -> "Wire":
        self._connecting += 1
        try:
            wire = await self._connect()
        except BaseException:
            self._connecting -= 1
            self._wake_one()
            raise
        self._connecting -= 1
        self._wires.add(wire)
        wire.add_lost_callback(self._lost)
        return wire

    async def _wait(self, deadline_s: float) -> "Wire | None":
        """A released connection, or None when one was closed and another may be opened."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Wire | None] = loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout_at(deadline_s):
                return await waiter
        except TimeoutError:
            self._pass_on(waiter)
            raise pool_exhausted(
                f"all {self._size} connections were in use for {self._acquire_timeout_s:g} s"
            ) from None
        except asyncio.CancelledError:
            self._pass_on(waiter)
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _pass_on(self, waiter: "asyncio.Future[Wire | None]") -> None:
        """Whoever waited gave up in the very turn in which a connection came: the next one takes it."""
        if not waiter.done() or waiter.cancelled():
            return
        wire = waiter.result()
        if wire is not None:
            self.release(wire)
        else:
            self._wake_one()

    async def _recover(self, wire: "Wire") -> None:
        try:
            async with asyncio.timeout(RECOVER_TIMEOUT_S):
                if wire.in_flight:
                    await wire.cancel(RECOVER_TIMEOUT_S)
                # Also fences the cancel: should it arrive late, it meets this statement and not the next caller's.
                rollback = Batch(wire, ROLLBACK_BUDGET_S)
                rollback.add(ROLLBACK)
                await rollback.send()
        except (TimeoutError, DatabaseError, asyncio.CancelledError) as error:
            wire.close()
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self.release(wire)

    def _lost(self, wire: "Wire") -> None:
        if wire in self._idle:
            self._idle.remove(wire)
        self._wires.discard(wire)
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    # -- facts -------------------------------------------------------------------------------------------------------
    @property
    def has_room(self) -> bool:
        return not self._waiters and (bool(self._idle) or self.open_count < self._size)

    @property
    def open_count(self) -> int:
        return len(self._wires) + self._connecting

    @property
    def in_use(self) -> int:
        return self.open_count - len(self._idle)

    @property
    def waiting(self) -> int:
        return len(self._waiters)
