"""What a request's code holds: reads in one round trip, and transactions, all as one caller."""

from typing import TYPE_CHECKING, Any, Protocol

from clarivum.database.context import Context
from clarivum.database.queries import Kind, Query
from clarivum.database.sqlstate import DatabaseError
from clarivum.database.transaction import Isolation, Outbox, Transaction, context_values
from clarivum.database.wire.batch import Batch
from clarivum.database.wire.encode import encode_parameters
from clarivum.database.wire.pipeline import Pipelines
from clarivum.database.wire.pool import Pool
from clarivum.database.wire.prepared import BEGIN_CONTEXT, REPREPARE, RESET_SESSION, Prepared
from clarivum.database.wire.read import NeedsOwnConnection
from clarivum.database.wire.rows import exactly_one, rows_of, zero_or_one
from clarivum.telemetry import database_operation

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult


class Connections(Protocol):
    """What a session needs of its Database."""

    @property
    def pipelines(self) -> Pipelines: ...

    @property
    def pool(self) -> Pool: ...

    @property
    def namespace(self) -> str: ...

    @property
    def outbox(self) -> Outbox | None: ...


class Session:
    """One caller's way to the database; cheap to make, safe to use from several tasks.

    Each method is one round trip and one transaction of its own. A query that only reads runs read-only on a shared
    connection; one that writes, or is declared `slow`, on a connection of its own. All raise RequestError: what
    Postgres refused (see docs/errors.md), or 503 with Retry-After when there is no answer.
    """

    __slots__ = ("_connections", "context")

    def __init__(self, connections: Connections, context: Context) -> None:
        self._connections = connections
        self.context = context

    async def one(self, query: Query, /, **params: object) -> Any:
        """The row. Raises RequestError (not_found) when there is none or the caller may not see it."""
        return exactly_one(query, await self._rows(query, "one", params))

    async def maybe(self, query: Query, /, **params: object) -> Any | None:
        """The row, or None."""
        return zero_or_one(query, await self._rows(query, "maybe", params))

    async def many(self, query: Query, /, **params: object) -> list[Any]:
        """All rows."""
        return await self._rows(query, "many", params)

    async def execute(self, query: Query, /, **params: object) -> int:
        """The number of rows affected. When the connection is lost before the answer, the outcome is unknown: 503."""
        _, result = await self._answer(query, "none", params)
        return result.command_tuples or 0

    def transaction(self, *, isolation: Isolation = "read committed") -> Transaction:
        """Several statements that depend on each other: `async with session.transaction() as tx:`."""
        connections = self._connections
        return Transaction(connections.pool, self.context, connections.namespace, connections.outbox, isolation)

    # -- steps -------------------------------------------------------------------------------------------------------
    async def _rows(self, query: Query, kind: Kind, params: dict[str, object]) -> list[Any]:
        return rows_of(query, *await self._answer(query, kind, params))

    async def _answer(self, query: Query, kind: Kind, params: dict[str, object]) -> "tuple[Prepared, PGresult]":
        if query.kind != kind:
            raise TypeError(f"{query.where}: declared `{query.kind}`, called as `{kind}`")
        values = encode_parameters(query, params)
        connections = self._connections
        observation = database_operation(query.name, query.operation, query.collection, connections.namespace)
        try:
            if query.writes or query.slow:
                answer = await self._on_own_connection(query, values)
            else:
                try:
                    answer = await connections.pipelines.read(query, self.context, values)
                except NeedsOwnConnection:
                    answer = await self._on_own_connection(query, values)
        except BaseException as error:
            observation.finish(error.sqlstate or error if isinstance(error, DatabaseError) else error)
            raise
        observation.finish()
        return answer

    async def _on_own_connection(self, query: Query, values: list[bytes | None]) -> "tuple[Prepared, PGresult]":
        """One exchange, which is one implicit transaction; cancelling the caller cancels the statement."""
        pool = self._connections.pool
        for attempt in (1, 2):
            wire = await pool.acquire()
            try:
                batch = Batch(wire, self.context.statement_timeout_ms / 1000 or float("inf"))
                batch.add(RESET_SESSION)
                batch.add(BEGIN_CONTEXT, "", context_values(self.context, read_only=not query.writes))
                place = batch.add(query, self.context.role, values)
                if query.writes:
                    batch.commits()
                await batch.send()
                return batch.result(place)
            except DatabaseError as error:
                lost = error.sqlstate is None and not query.writes
                if attempt == 2 or not (lost or error.sqlstate in REPREPARE):
                    raise
            finally:
                if wire.in_flight:
                    pool.recover(wire)
                else:
                    pool.release(wire)
        raise AssertionError
