"""Several statements that succeed or fail together, on a connection of their own.

BEGIN and context ride with the first statement, deferred statements with the next one or with COMMIT: a transaction of
one deferred statement is a single round trip, one of a read and a deferred write is two. Where one round trip is all
there is, BEGIN and COMMIT are left out: what is sent up to one Sync is one transaction.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self
from uuid import UUID

from clarivum.database.context import Context
from clarivum.database.queries import Kind, Query
from clarivum.database.sqlstate import DatabaseError, transaction_ended
from clarivum.database.wire.batch import Batch
from clarivum.database.wire.encode import encode_parameters
from clarivum.database.wire.pool import Pool
from clarivum.database.wire.prepared import (
    BEGIN,
    BEGIN_BOUNDED_CONTEXT,
    BEGIN_CONTEXT,
    BEGIN_REPEATABLE_READ,
    BEGIN_SERIALIZABLE,
    COMMIT,
    REPREPARE,
    RESET_SESSION,
    SET_ROLE,
    Control,
    Prepared,
)
from clarivum.database.wire.rows import exactly_one, rows_of, zero_or_one
from clarivum.errors import DeclarationError, RequestError
from clarivum.telemetry import DbObservation, database_operation

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from clarivum.database.wire.connection import Wire

COMMITTED = b"COMMIT"
WORKER_ROLE = "clarivum_worker"
COMMIT_BUDGET_S = 30.0
Isolation = Literal["read committed", "repeatable read", "serializable"]
BEGINNINGS: dict[Isolation, Control] = {
    "read committed": BEGIN,
    "repeatable read": BEGIN_REPEATABLE_READ,
    "serializable": BEGIN_SERIALIZABLE,
}


class Outbox(Protocol):
    """Where `enqueue` puts payloads; jobs sets it on the Database. `put` may defer statements, it does not wait."""

    def put(self, tx: "Transaction", payload: object, *, delay_s: int = 0) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One statement to be sent, with its role and encoded parameters."""

    query: Query
    role: str
    values: list[bytes | None]


class Transaction:
    """Made by `session.transaction()`; usable inside its `async with` block, by one task at a time.

    Leaving the block commits; an exception rolls back. A statement that fails ends the transaction: later ones and the
    commit raise the same error again, also when the block swallowed it.
    """

    def __init__(
        self,
        pool: Pool,
        context: Context,
        namespace: str,
        outbox: Outbox | None = None,
        isolation: Isolation = "read committed",
    ) -> None:
        self.context = context
        self._pool = pool
        self._namespace = namespace
        self._outbox = outbox
        self._beginning = BEGINNINGS[isolation]
        self._wire: Wire | None = None
        self._begun = False
        self._role: str = context.role
        self._wanted_role: str = context.role
        self._deferred: list[Step] = []
        self._after_commit: list[Callable[[], None]] = []
        self._failure: DatabaseError | None = None
        self._open = False

    # -- statements --------------------------------------------------------------------------------------------------
    async def one(self, query: Query, /, **params: object) -> Any:
        """The row. Raises RequestError (not_found) when there is none or the caller may not see it."""
        return exactly_one(query, rows_of(query, *await self._run(query, "one", params)))

    async def maybe(self, query: Query, /, **params: object) -> Any | None:
        """The row, or None."""
        return zero_or_one(query, rows_of(query, *await self._run(query, "maybe", params)))

    async def many(self, query: Query, /, **params: object) -> list[Any]:
        """All rows."""
        return rows_of(query, *await self._run(query, "many", params))

    async def execute(self, query: Query, /, **params: object) -> int:
        """The number of rows affected."""
        _, result = await self._run(query, "none", params)
        return result.command_tuples or 0

    def defer(self, query: Query, /, **params: object) -> None:
        """Send with the next statement, or with COMMIT; its rows are dropped and its error is raised there.

        Raises TypeError at once for parameters that are not the query's.
        """
        self._refuse_outside()
        self._deferred.append(Step(query, self._wanted_role, encode_parameters(query, params)))

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` after COMMIT was confirmed, or there was nothing to commit. Not called when the answer to
        COMMIT was lost."""
        self._after_commit.append(callback)

    @contextmanager
    def as_worker(self) -> Iterator[None]:
        """Statements inside, deferred ones too, run as role clarivum_worker with the caller's claims.

        The switch there and back travels in the pipeline with them.
        """
        before, self._wanted_role = self._wanted_role, WORKER_ROLE
        try:
            yield
        finally:
            self._wanted_role = before

    async def enqueue(self, payload: object, *, delay_s: int = 0) -> UUID:
        """Enqueue a job in this transaction, to start after `delay_s` at the earliest; returns the run's id.

        Raises DeclarationError when there is no outbox, and what the outbox raises for a payload or delay that is off.
        """
        if self._outbox is None:
            raise DeclarationError("this database has no outbox: the application declares no jobs")
        return self._outbox.put(self, payload, delay_s=delay_s)

    # -- life --------------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        if error is None:
            await self._commit()
        elif self._wire is not None:
            await self._abandon(in_background=isinstance(error, asyncio.CancelledError))

    async def _commit(self) -> None:
        if self._failure is not None:
            await self._abandon()
            raise self._failure
        if self._begun or self._deferred:
            try:
                await self._send([], commit=True)
            except BaseException as error:
                await self._abandon(in_background=isinstance(error, asyncio.CancelledError))
                raise
            assert self._wire is not None
            self._pool.release(self._wire)
            self._wire = None
        for callback in self._after_commit:
            callback()

    async def _abandon(self, *, in_background: bool = False) -> None:
        """Roll back and give the connection back; a caller that was cancelled does not wait for it."""
        wire, self._wire = self._wire, None
        if wire is None or wire.closed:
            return
        recovery = self._pool.recover(wire)
        if not in_background:
            await asyncio.shield(recovery)

    # -- sending -----------------------------------------------------------------------------------------------------
    async def _run(self, query: Query, kind: Kind, params: dict[str, object]) -> "tuple[Prepared, PGresult]":
        self._refuse_outside()
        if query.kind != kind:
            raise TypeError(f"{query.where}: declared `{query.kind}`, called as `{kind}`")
        step = Step(query, self._wanted_role, encode_parameters(query, params))
        batch, place = await self._send([step])
        return batch.result(place)

    async def _send(self, steps: list[Step], *, commit: bool = False) -> tuple[Batch, int]:
        """Everything deferred, then `steps`, then COMMIT if asked for. Returns the place of the last step."""
        if self._failure is not None:
            raise self._failure
        steps = [*self._deferred, *steps]
        self._deferred = []
        for attempt in (1, 2):
            try:
                return await self._exchange(steps, commit)
            except DatabaseError as error:
                if attempt == 2 or not await self._may_repeat(error):
                    self._failure = error
                    raise
            except asyncio.CancelledError:
                self._failure = transaction_ended("a statement of it was cancelled")
                raise
        raise AssertionError

    async def _exchange(self, steps: list[Step], commit: bool) -> tuple[Batch, int]:
        if self._wire is None:
            self._wire = await self._pool.acquire()
        budget_s = self.context.statement_timeout_ms / 1000 or float("inf")
        batch = Batch(self._wire, max(budget_s, COMMIT_BUDGET_S) if commit else budget_s * (len(steps) + 1))
        explicit = self._begun or not commit or self._beginning is not BEGIN
        observations: list[DbObservation] = []
        try:
            place = self._fill(batch, steps, observations, commit=commit, explicit=explicit)
            await batch.send()
        except BaseException as error:
            cause = error.sqlstate or error if isinstance(error, DatabaseError) else error
            for observation in observations:
                observation.finish(cause)
            raise
        for observation in observations:
            observation.finish()
        if commit and explicit and batch.last_command != COMMITTED:
            raise DatabaseError("Something failed on our side", log="Postgres rolled back instead of committing")
        self._begun = True
        return batch, place

    def _fill(
        self, batch: Batch, steps: list[Step], observations: list[DbObservation], *, commit: bool, explicit: bool
    ) -> int:
        """`explicit`: with BEGIN and COMMIT; else the Sync begins and commits."""
        context, role = self.context, self._role
        if not self._begun:
            role = context.role
            if explicit:
                batch.add(self._beginning)
            batch.add(RESET_SESSION)
            values = context_values(context, read_only=False)
            if context.idle_timeout_ms is None:
                batch.add(BEGIN_CONTEXT, "", values)
            else:
                batch.add(BEGIN_BOUNDED_CONTEXT, "", [*values, b"%d" % context.idle_timeout_ms])
        place = -1
        for step in steps:
            if step.role != role:
                role = step.role
                batch.add(SET_ROLE, "", [role.encode()])
            query = step.query
            observations.append(database_operation(query.name, query.operation, query.collection, self._namespace))
            place = batch.add(query, role, step.values)
        if commit and explicit:
            observations.append(database_operation("COMMIT", "COMMIT", None, self._namespace))
            batch.add(COMMIT)
        if commit:
            batch.commits()
        self._role = role
        return place

    async def _may_repeat(self, error: DatabaseError) -> bool:
        """Whether the first exchange may be sent again: connection lost before COMMIT, or stale plan."""
        if self._begun or self._wire is None or error.unknown_outcome:
            return False
        if not self._wire.closed and error.sqlstate not in REPREPARE:
            return False
        await self._abandon()
        return True

    def _refuse_outside(self) -> None:
        if not self._open:
            raise RequestError(
                "Something failed on our side", log="a transaction was used outside its `async with` block"
            )


def context_values(context: Context, *, read_only: bool) -> list[bytes | None]:
    """The parameters of BEGIN_CONTEXT."""
    return [
        context.role.encode(),
        context.claims.encode(),
        b"%d" % context.statement_timeout_ms,
        b"on" if read_only else b"off",
    ]
