"""The database as the application sees it: sessions, notifications, and whether it is there."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Self

from clarivum.database.context import ANONYMOUS, Context
from clarivum.database.login import refuse_bypassing_login
from clarivum.database.queries import parse_queries
from clarivum.database.session import Session
from clarivum.database.sqlstate import DatabaseError
from clarivum.database.transaction import Outbox
from clarivum.database.wire.levels import DatabaseStats, observe
from clarivum.database.wire.listen import listen
from clarivum.database.wire.pipeline import Pipelines
from clarivum.database.wire.pool import Pool
from clarivum.errors import DependencyDownError

if TYPE_CHECKING:
    from clarivum.database.wire.connection import Wire

QUERIES = parse_queries("-- name: ping -> one\nselect 1 as alive", __file__)


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
        self._end_observation: Callable[[], None] | None = None
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
            await pool.close()
            raise
        self._pool, self._pipelines = pool, pipelines
        self._end_observation = observe(lambda: self._stats(pipelines, pool))

    async def close(self) -> None:
        """Close every connection; whatever still waits is told so."""
        if self._end_observation is not None:
            self._end_observation()
        if self._pipelines is not None:
            await self._pipelines.close()
        if self._pool is not None:
            await self._pool.close()
        self._pipelines, self._pool = None, None

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
        """One read as anybody. Raises RequestError (unavailable)."""
        await self.session(ANONYMOUS).one(QUERIES.ping)

    def stats(self) -> DatabaseStats:
        """Levels of this moment. Raises RuntimeError before `open`."""
        return self._stats(self.pipelines, self.pool)

    def _stats(self, pipelines: Pipelines, pool: Pool) -> DatabaseStats:
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

    async def _connect(self) -> "Wire":
        from clarivum.database.wire.connect import connect  # noqa: PLC0415 - loads the driver, which declaring does not need

        return await connect(self._url, application_name=self._application_name)
