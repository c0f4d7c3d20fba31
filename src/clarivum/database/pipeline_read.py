"""One read on its way: from the caller to a shared connection and back, possibly by way of a second attempt."""

import asyncio
from typing import Protocol

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from clarivum.database.context import Context
from clarivum.database.prepared import BEGIN_CONTEXT, Prepared
from clarivum.database.queries import Query
from clarivum.database.sqlstate import (
    QUERY_CANCELED,
    STALE_PLAN,
    UNKNOWN_STATEMENT,
    DatabaseError,
    error_of,
    sqlstate_of,
)
from clarivum.database.wire import Exchange, Wire

TUPLES_OK = ExecStatus.TUPLES_OK


class NeedsOwnConnection(Exception):
    """The shared connections are no place for this read now; its caller runs it on a connection of its own."""


class Reads(Protocol):
    """Where a read goes when it has to go again."""

    def again(self, read: "Read") -> None: ...

    def too_slow(self, query: Query) -> None: ...


class Read(Exchange):
    """Context and query up to one Sync. Read-only, so a second attempt is safe.

    `future` is shared by the attempts of one call: the first answer is delivered, and nobody waits for the others. A
    caller that was cancelled has cancelled the future; the answer is then dropped when it comes.
    """

    __slots__ = ("attempts", "context", "future", "prepared", "query", "queued_at_s", "reads", "values", "wire")

    def __init__(
        self,
        reads: Reads,
        query: Query,
        context: Context,
        values: list[bytes | None],
        budget_s: float,
        future: "asyncio.Future[tuple[Prepared, PGresult]]",
    ) -> None:
        super().__init__(budget_s)
        self.reads = reads
        self.query = query
        self.context = context
        self.values = values
        self.future = future
        self.attempts = 0
        self.queued_at_s = 0.0
        self.wire: Wire | None = None
        self.prepared: Prepared | None = None

    def send(self, wire: Wire, settings: list[bytes | None]) -> None:
        """Queue on `wire`; `settings` are the parameters of BEGIN_CONTEXT. Raises DatabaseError when it is gone."""
        self.attempts += 1
        self.wire = wire
        wire.execute(self, BEGIN_CONTEXT, "", settings)
        self.prepared = wire.execute(self, self.query, self.context.role, self.values)
        wire.submit(self)

    def answered(self) -> None:
        future = self.future
        result = self.results[-1]
        if result.status != TUPLES_OK:
            self._failed()
        elif not future.done():
            assert self.prepared is not None
            future.set_result((self.prepared, result))

    def lost(self, error: DatabaseError) -> None:
        if not self.future.done():
            if self.attempts < 2:
                self.reads.again(self.twin())
            else:
                self.future.set_exception(error)

    def twin(self) -> "Read":
        """The same read for another attempt."""
        twin = Read(self.reads, self.query, self.context, self.values, self.budget_s, self.future)
        twin.attempts = self.attempts
        twin.queued_at_s = self.queued_at_s
        return twin

    def _failed(self) -> None:
        failure = self.failure()
        state = "XX000" if failure is None else sqlstate_of(failure)
        if state in {STALE_PLAN, UNKNOWN_STATEMENT}:
            assert self.wire is not None
            assert self.prepared is not None
            self.wire.prepared.forget(self.query, self.context.role, self.prepared)
            if self.attempts < 2 and not self.future.done():
                self.reads.again(self.twin())
                return
        if state == QUERY_CANCELED:
            self.reads.too_slow(self.query)
        if self.future.done():
            return
        if state == QUERY_CANCELED:
            self.future.set_exception(NeedsOwnConnection())
        elif failure is None:
            self.future.set_exception(
                DatabaseError("Something failed on our side", log=f"{self.query.where}: not a read")
            )
        else:
            self.future.set_exception(error_of(failure, role=self.context.role, where=self.query.where))
