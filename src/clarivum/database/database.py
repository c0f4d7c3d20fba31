"""The database as the application sees it: sessions, notifications, and whether it is there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from clarivum.database.batch import Batch
from clarivum.database.context import Context
from clarivum.database.listen import listen
from clarivum.database.login import refuse_bypassing_login
from clarivum.database.pipeline import Pipelines
from clarivum.database.pool import Pool
from clarivum.database.prepared import Control
from clarivum.database.session import Session
from clarivum.database.sqlstate import DatabaseError
from clarivum.database.transaction import Outbox
from clarivum.database.wire import Wire
from clarivum.database.wire_connect import connect
from clarivum.errors import DependencyDownError

PING = Control("select 1")
PING_BUDGET_S = 1.0


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    """Levels of one moment, for /readyz and gauges. `reads_*` are of the shared connections."""

    pipelines: int
    pipelines_open: int
    reads_in_flight: int
    reads_waiting: int
    connections: int
    connections_open: int
    connections_in_use: int
    connections_waiting: int


class Database:
    """Connections of one process to one database: `pipelines` shared by short reads, up to `connections` of one's own.

    Belongs to the event loop that called `open`. `outbox` is where `Transaction.enqueue` puts payloads.
    """

    def __init__(
        self, url: str, *, pipelines: int = 2, connections: int = 10, application_name: str = "clarivum"
    ) -> None:
        self._url = url
        self._pipeline_count = pipelines
        self._connection_count = connections
        self._application_name = application_name
        self._pipelines: Pipelines | None = None
        self._pool: Pool | None = None
        self._namespace = ""
        self.outbox: Outbox | None = None

    async def open(self) -> None:
        """Connect, and verify the login.

        Raises DependencyDownError when the server does not answer, ConfigurationError when the login could evade
        row-level security.
        """
        if self._pool is not None:
            return
        pool = Pool(self._connect, self._connection_count)
        try:
            wire = await pool.acquire()
            self._namespace = wire.database
            await refuse_bypassing_login(wire)
            pool.release(wire)
            pipelines = Pipelines(self._connect, self._pipeline_count, lambda: pool.has_room)
            await pipelines.open()
        except DatabaseError as error:
            await pool.close()
            raise DependencyDownError(
                f"the database does not answer: {error.log}" if error.log else "the database does not answer"
            ) from None
        except BaseException:
            wire.close()
            await pool.close()
            raise
        self._pool, self._pipelines = pool, pipelines

    async def close(self) -> None:
        """Close every connection; whatever still waits is told so."""
        pipelines, pool, self._pipelines, self._pool = self._pipelines, self._pool, None, None
        if pipelines is not None:
            await pipelines.close()
        if pool is not None:
            await pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # -- use ---------------------------------------------------------------------------------------------------------
    def session(self, context: Context) -> Session:
        """The database as `context` sees it."""
        return Session(self, context)

    def listen(self, channel: str) -> AsyncIterator[str | None]:
        """Payloads of NOTIFY on `channel`; None whenever listening has (re)begun: then poll once. See listen.py."""
        return listen(self._connect, channel)

    async def ping(self) -> None:
        """One round trip on a connection of its own. Raises RequestError (unavailable)."""
        wire = await self.pool.acquire()
        try:
            batch = Batch(wire, PING_BUDGET_S)
            batch.add(PING)
            await batch.send()
        finally:
            if wire.in_flight:
                self.pool.recover(wire)
            else:
                self.pool.release(wire)

    def stats(self) -> DatabaseStats:
        pipelines, pool = self.pipelines, self.pool
        return DatabaseStats(
            pipelines=self._pipeline_count,
            pipelines_open=pipelines.open_count,
            reads_in_flight=pipelines.in_flight,
            reads_waiting=pipelines.waiting,
            connections=self._connection_count,
            connections_open=pool.open_count,
            connections_in_use=pool.in_use,
            connections_waiting=pool.waiting,
        )

    # -- what sessions use -------------------------------------------------------------------------------------------
    @property
    def pipelines(self) -> Pipelines:
        """Raises RuntimeError before `open`."""
        if self._pipelines is None:
            raise RuntimeError("the database is not open: await database.open() first")
        return self._pipelines

    @property
    def pool(self) -> Pool:
        """Raises RuntimeError before `open`."""
        if self._pool is None:
            raise RuntimeError("the database is not open: await database.open() first")
        return self._pool

    @property
    def namespace(self) -> str:
        """The database's name, for telemetry."""
        return self._namespace

    async def _connect(self) -> Wire:
        return await connect(self._url, application_name=self._application_name)
