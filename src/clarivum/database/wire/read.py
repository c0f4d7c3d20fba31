"""One read on its way: from the caller to a shared connection and back, possibly by way of a second attempt."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from clarivum.database.context import Context
from clarivum.database.queries import Query
from clarivum.database.sqlstate import (
    QUERY_CANCELED,
    DatabaseError,
    error_of,
)
from clarivum.database.wire.exchange import Exchange
from clarivum.database.wire.levels import REROUTED
from clarivum.database.wire.libpq import TUPLES_OK
from clarivum.database.wire.prepared import BEGIN_CONTEXT, REPREPARE, RESET_SESSION, Prepared
from clarivum.errors import INTERNAL

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from clarivum.database.wire.connection import Wire

SHORT_READ_TIMEOUT_MS = 500
MAX_REPEATS = 1
LOSS_PAUSE_S = 0.02
"""Before a second attempt after a loss: what ended one connection has mostly ended the others, a moment later."""


class NeedsOwnConnection(Exception):
    """The shared connections are no place for this read now; its caller runs it on a connection of its own."""


class Call:
    """What a caller asked for. `future` belongs to the caller: cancelled, the answer is dropped when it comes.

    `flying`: attempts under way. `repeats`: how often it was sent again because all were lost. `hedged`: sent a second
    way because the first was held up.
    """

    __slots__ = ("context", "flying", "future", "hedged", "query", "queued_at_s", "repeats", "timeout_ms", "values")

    def __init__(
        self,
        query: Query,
        context: Context,
        values: list[bytes | None],
        future: "asyncio.Future[tuple[Prepared, PGresult]]",
    ) -> None:
        self.query = query
        self.context = context
        self.values = values
        self.future = future
        self.timeout_ms = min(SHORT_READ_TIMEOUT_MS, context.statement_timeout_ms or SHORT_READ_TIMEOUT_MS)
        self.flying = 0
        self.repeats = 0
        self.hedged = False
        self.queued_at_s = 0.0

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Reads(Protocol):
    """Where a call goes when it has to go again."""

    def again(self, call: Call, after_s: float) -> None: ...

    def too_slow(self, query: Query) -> None: ...


class Read(Exchange):
    """One attempt at a call: context and query up to one Sync. It reads only, so a second attempt is safe.

    The first answer is delivered; a loss only counts when no other attempt is under way.
    """

    __slots__ = ("_prepared", "_reads", "_wire", "call")

    def __init__(self, reads: Reads, call: Call) -> None:
        super().__init__(call.timeout_ms / 1000)
        self.call = call
        self._reads = reads
        call.flying += 1

    def send(self, wire: "Wire") -> None:
        """Queue on `wire`. Raises DatabaseError when it is gone."""
        call = self.call
        context = call.context
        self._wire = wire
        settings = (context.role.encode(), context.claims.encode(), b"%d" % call.timeout_ms, b"on")
        wire.execute(self, RESET_SESSION, "", None)
        wire.execute(self, BEGIN_CONTEXT, "", settings)
        self._prepared = wire.execute(self, call.query, context.role, call.values)
        wire.submit(self)

    def answered(self) -> None:
        self.call.flying -= 1
        result = self.results[-1]
        if result.status != TUPLES_OK:
            self._failed()
        elif not self.call.future.done():
            self.call.future.set_result((self._prepared, result))

    def lost(self, error: DatabaseError) -> None:
        self.call.flying -= 1
        self._again_or(error, "lost", LOSS_PAUSE_S)

    def _again_or(self, error: Exception, reason: str, after_s: float = 0.0) -> None:
        call = self.call
        if call.future.done() or call.flying:
            return
        if call.repeats < MAX_REPEATS:
            call.repeats += 1
            REROUTED.add(1, reason)
            self._reads.again(call, after_s)
        else:
            call.fail(error)

    def _failed(self) -> None:
        call = self.call
        failure = self.failure()
        if failure is None:
            call.fail(DatabaseError(INTERNAL.title, log=f"{call.query.where}: returns no rows, so it cannot be read"))
            return
        error = error_of(failure, role=call.context.role, where=call.query.where)
        if error.sqlstate in REPREPARE:
            self._wire.prepared.refused(error.sqlstate, call.query, call.context.role, self._prepared)
            self._again_or(error, "stale_plan")
        elif error.sqlstate == QUERY_CANCELED:
            REROUTED.add(1, "slow")
            self._reads.too_slow(call.query)
            call.fail(NeedsOwnConnection())
        else:
            call.fail(error)
