"""The transports that every case runs on, each with a database and queues of its own."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clarivum.database import WORKER, Database
from clarivum.jobs import Job
from clarivum.jobs.message import Message
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.queues import ensure_queues
from clarivum.jobs.transports.sqs.relay import Relay
from clarivum.jobs.transports.sqs.transport import SqsTransport
from clarivum.testing.aws import AwsServer, Kind
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import JOBS, WORLD, bulk, quick
from tests.integration.jobs.sqs_drill import SqsDrill

TRANSPORTS = ["pgmq-16", "pgmq-18", "sqs-ministack", "sqs-moto"]
LOOKS = 40


@pytest.fixture(params=TRANSPORTS)
def transport_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def postgres_version(transport_name: str) -> int:
    return 16 if transport_name == "pgmq-16" else 18


@pytest.fixture
def drill(
    transport_name: str, database_urls: DatabaseUrls, aws_servers: Callable[[Kind], AwsServer], tmp_path: Path
) -> Iterator[Drill]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
    system, _, variant = transport_name.partition("-")
    if system == "pgmq":
        ensure_queues(database_urls.admin, JOBS)
        drill = Drill(database_urls, tmp_path)
    else:
        server = aws_servers("moto" if variant == "moto" else "ministack")
        drill = SqsDrill(database_urls, tmp_path, server=server)
        drill.create_queues(*JOBS, dead_letters=False)
    yield drill
    drill.end()


@dataclass
class Line:
    """A transport by itself: what is sent through it, and who receives."""

    drill: Drill
    database: Database
    transport: Transport
    others: list[Transport] = field(default_factory=list)

    async def send(
        self, *bodies: str, job: Job[Any] = quick, headers: Mapping[str, str] | None = None, delay_s: int = 0
    ) -> None:
        """In one transaction, and on their way when this returns."""
        async with self.database.session(WORKER).transaction() as tx:
            for body in bodies:
                self.transport.send(tx, job, body.encode(), headers or {}, delay_s)
        await self.relay()

    async def relay(self) -> None:
        if isinstance(self.transport, SqsTransport):
            await Relay(self.transport, self.database, [quick, bulk]).drain()

    async def receive(
        self, wanted: int, *, limit: int = 10, visibility_s: int = 30, job: Job[Any] = quick
    ) -> list[Message]:
        """`wanted` messages, in as many looks as it takes."""
        found: list[Message] = []
        for _ in range(LOOKS):
            if len(found) >= wanted:
                break
            found += await self.transport.receive(job, min(limit, wanted - len(found)), visibility_s)
        assert len(found) == wanted
        return found

    async def empty(self, job: Job[Any] = quick) -> bool:
        return not await self.transport.receive(job, 10, 30)

    def another(self) -> Transport:
        """The same queues, seen by another process."""
        self.others.append(self.drill.transport(self.database))
        return self.others[-1]


@pytest.fixture
async def line(drill: Drill) -> AsyncIterator[Line]:
    async with Database(drill.urls.app, pipelines=1, connections=4) as database:
        line = Line(drill, database, drill.transport(database))
        yield line
        for transport in (line.transport, *line.others):
            await transport.close()


def bodies(messages: Sequence[Message]) -> list[str | None]:
    return [message.body for message in messages]
