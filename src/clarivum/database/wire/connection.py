"""One connection, driven through libpq's pipeline mode by the event loop's own readiness callbacks.

What is sent up to one Sync is an `Exchange`: to Postgres one implicit transaction, unless a BEGIN opened an explicit
one. Exchanges are answered in order; an error in one skips the rest of that exchange and ends at its Sync, so its
neighbours do not notice. Writes are gathered: what is queued in one turn of the event loop leaves in one flush.
"""

import asyncio
import select
from collections import deque
from collections.abc import Callable, Sequence

import psycopg
from psycopg.pq.abc import PGconn

from clarivum.database.sqlstate import DatabaseError, connection_lost
from clarivum.database.wire.exchange import Exchange
from clarivum.database.wire.libpq import COMMAND_OK, CONNECTION_BAD, PIPELINE_SYNC, UNKNOWN
from clarivum.database.wire.polling import poll
from clarivum.database.wire.prepared import Prepared, PreparedStatements, Statement
from clarivum.database.wire.sync import bind_sync

WATCH_S = 0.025
STALL_S = 0.05
GRACE_S = 2.0
"""Beyond a statement's own timeout, how long an answer may take before the connection counts as dead."""


class Wire:
    """A connection in pipeline mode. Owned by one event loop; `connect` in wire/connect.py makes them."""

    __slots__ = (
        "_flush_scheduled",
        "_loop",
        "_on_lost",
        "_pgconn",
        "_poll",
        "_send_sync",
        "_socket",
        "_watch",
        "_writing",
        "closed",
        "ended",
        "in_flight",
        "on_notification",
        "on_room",
        "on_stall",
        "prepared",
        "stalled",
    )

    def __init__(self, pgconn: PGconn, loop: asyncio.AbstractEventLoop) -> None:
        self._pgconn = pgconn
        self._loop = loop
        self._socket = pgconn.socket
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._send_sync = bind_sync(pgconn)
        self._flush_scheduled = False
        self._writing = False
        self._watch: asyncio.TimerHandle | None = None
        self._on_lost: list[Callable[[Wire], None]] = []
        self.in_flight: deque[Exchange] = deque()
        self.prepared = PreparedStatements()
        self.closed = False
        self.ended = ""
        self.stalled = False
        self.on_room: Callable[[], None] | None = None
        self.on_stall: Callable[[Wire], None] | None = None
        self.on_notification: Callable[[str], None] | None = None
        loop.add_reader(self._socket, self._readable)

    # -- sending -----------------------------------------------------------------------------------------------------
    def execute(
        self, exchange: Exchange, statement: Statement, role: str, values: Sequence[bytes | None] | None
    ) -> Prepared:
        """Queue one statement of `exchange`, preparing it in the same pipeline when this connection has not yet.

        `role` is the one that will be in force. Raises DatabaseError when the connection is gone.
        """
        prepared = self.prepared.get((statement, role))
        try:
            if prepared is None:
                prepared = self._prepare(exchange, statement, role)
            self._pgconn.send_query_prepared(prepared.name, values)
        except psycopg.Error as error:
            raise self.lose(str(error)) from None
        exchange.commands += 1
        return prepared

    def submit(self, exchange: Exchange) -> None:
        """End the exchange with its Sync; it leaves with everything else of this turn of the loop."""
        try:
            self._send_sync()
        except (psycopg.Error, OSError) as error:
            raise self.lose(str(error)) from None
        if not self.in_flight:
            exchange.head_since_s = self._loop.time()
            if self._watch is None:
                self._watch = self._loop.call_later(WATCH_S, self._look)
        self.in_flight.append(exchange)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _prepare(self, exchange: Exchange, statement: Statement, role: str) -> Prepared:
        prepared, evicted = self.prepared.add(statement, role)
        if evicted is not None:
            self._pgconn.send_close_prepared(evicted.name)
            exchange.commands += 1
        self._pgconn.send_prepare(prepared.name, statement.sql.encode())
        if exchange.preparing is None:
            exchange.preparing = []
        exchange.preparing.append((exchange.commands, statement, role, prepared))
        exchange.commands += 1
        return prepared

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self.closed:
            return
        try:
            unsent = self._pgconn.flush()
        except psycopg.Error as error:
            self.lose(str(error))
            return
        if bool(unsent) != self._writing:
            self._writing = bool(unsent)
            if unsent:
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)

    # -- receiving ---------------------------------------------------------------------------------------------------
    def _readable(self) -> None:
        pgconn = self._pgconn
        in_flight = self.in_flight
        answered = False
        try:
            pgconn.consume_input()
            while in_flight and not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    if pgconn.status == CONNECTION_BAD:
                        break
                elif result.status == PIPELINE_SYNC:
                    self._answer(in_flight.popleft())
                    answered = True
                else:
                    in_flight[0].results.append(result)
            if self.on_notification is not None:
                self._take_notifications(self.on_notification)
            elif not in_flight:
                pgconn.is_busy()  # reads what the server said unasked, such as that it is going down
        except psycopg.Error as error:
            self.lose(str(error))
            return
        if pgconn.status == CONNECTION_BAD:
            self.lose(pgconn.get_error_message())
        elif not answered and not in_flight and self._poll.poll(0):
            self._loop.call_soon(self.read_on)
        elif answered and self.on_room is not None:
            self.on_room()

    def read_on(self) -> None:
        """Read what the event loop may not tell of.

        libuv stops polling a socket in error (POLLERR: the server died with requests unread) after one callback, and
        libpq reads once per call: without this the end of the connection would lie unread behind its last message.
        """
        if not self.closed and self._poll.poll(0):
            self._readable()

    def _answer(self, exchange: Exchange) -> None:
        self.stalled = False
        if self.in_flight:
            self.in_flight[0].head_since_s = self._loop.time()
        if exchange.preparing is not None:
            results = exchange.results
            for index, statement, role, prepared in exchange.preparing:
                if index >= len(results) or results[index].status != COMMAND_OK:
                    self.prepared.forget(statement, role, prepared)
        exchange.answered()

    def _take_notifications(self, notify: Callable[[str], None]) -> None:
        while (notification := self._pgconn.notifies()) is not None:
            notify(notification.extra.decode())

    # -- watching ----------------------------------------------------------------------------------------------------
    def _look(self) -> None:
        """Runs while something is in flight: notices a head of line that is slow, and a server that is silent."""
        self._watch = None
        if self.in_flight:
            self.read_on()
        if self.closed or not self.in_flight:
            return
        head = self.in_flight[0]
        age_s = self._loop.time() - head.head_since_s
        if age_s > head.budget_s + GRACE_S:
            self.lose(f"no answer for {age_s:.1f} s")
            return
        self._watch = self._loop.call_later(WATCH_S, self._look)
        if age_s > STALL_S and not self.stalled:
            self.stalled = True
            if self.on_stall is not None:
                self.on_stall(self)

    async def cancel(self, timeout_s: float) -> None:
        """Ask the server to end what runs here. Returns when it has taken the request, or gave no answer in time."""
        request = self._pgconn.cancel_conn()
        try:
            async with asyncio.timeout(timeout_s):
                request.start()
                await poll(request, request.poll, self._loop)
        except (TimeoutError, psycopg.Error, OSError):
            return
        finally:
            request.finish()

    # -- the end -----------------------------------------------------------------------------------------------------
    def add_lost_callback(self, callback: "Callable[[Wire], None]") -> None:
        """Call `callback` once when the connection ends, however it ends."""
        self._on_lost.append(callback)

    def lose(self, reason: str) -> DatabaseError:
        """Close; everything in flight learns that it was lost. Returns the error, for the caller to raise."""
        error = connection_lost(reason.strip() or "the connection was lost")
        if self.closed:
            return error
        self.closed = True
        self.ended = error.log or error.detail
        self._loop.remove_reader(self._socket)
        if self._writing:
            self._loop.remove_writer(self._socket)
        if self._watch is not None:
            self._watch.cancel()
        self._pgconn.finish()
        lost, self.in_flight = self.in_flight, deque()
        for callback in self._on_lost:
            callback(self)
        for exchange in lost:
            exchange.lost(error)
        return error

    def close(self) -> None:
        self.lose("the connection was closed")

    # -- facts -------------------------------------------------------------------------------------------------------
    @property
    def transaction_status(self) -> int:
        """libpq's number: IDLE between transactions, UNKNOWN when closed."""
        if self.closed:
            return UNKNOWN
        if not self.in_flight:
            self._pgconn.get_result()  # libpq leaves "active" only when asked once more after the last Sync
        return self._pgconn.transaction_status

    @property
    def backend_pid(self) -> int:
        return self._pgconn.backend_pid

    @property
    def database(self) -> str:
        return (self._pgconn.db or b"").decode()
