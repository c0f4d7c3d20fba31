"""A database with the drill's jobs, workers in this process and as processes, and what a test asks of the outcome."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from clarivum.database import ANONYMOUS, Context, Database
from clarivum.jobs import Job, Payload, outbox
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.pgmq import PgmqTransport
from clarivum.jobs.transports.queues import ensure_queues
from clarivum.jobs.worker.worker import Worker, connections_for
from clarivum.testing.aws import CREDENTIALS, AwsServer, Kind
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.drill_jobs import JOBS, WORLD
from tests.integration.jobs.flaky_proxy import FlakyProxy

ROOT = Path(__file__).parents[3]
DEADLINE_S = 20.0
MALFORMED_RUNS = """
select * from clarivum.job_runs
where (state in ('running', 'waiting', 'done', 'dead', 'cancelled')
    and (lease_token is not null) = (state = 'running')
    and (claimable_at is not null) = (state in ('running', 'waiting'))
    and (finished_at is not null) = (state in ('done', 'dead', 'cancelled'))) is not true
"""
"""What no statement may leave behind. The table's own check says the least of it: one that said all would be prepared
anew for each of them."""


@dataclass
class WorkerProcess:
    """A worker that a test may kill, freeze or stop."""

    process: "subprocess.Popen[bytes]"
    log_path: Path

    def log(self) -> str:
        return self.log_path.read_text()

    def send(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def wait(self, timeout_s: float = DEADLINE_S) -> int:
        return self.process.wait(timeout_s)


@dataclass
class Drill:
    """One test's database and workers."""

    urls: DatabaseUrls
    notes: Path
    workers: list[WorkerProcess] = field(default_factory=list)

    environ: dict[str, str] = field(default_factory=dict)
    """Settings of the worker processes."""

    jobs: Sequence[Job[Any]] = tuple(JOBS)
    """What may be enqueued."""

    def transport(self, database: Database) -> Transport:
        return PgmqTransport(database)

    # -- workers -----------------------------------------------------------------------------------------------------
    def start(self, *jobs: Job[Any], says: str = "worker ready", **options: Any) -> WorkerProcess:
        """Start a worker process for these jobs and wait until it is ready, or says something else."""
        log_path = self.notes / f"worker-{len(self.workers)}.log"
        arguments = json.dumps({"jobs": [job.name for job in jobs], **options})
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.jobs.worker_process", arguments],
                cwd=ROOT,
                env={**os.environ, **self.environ, "DRILL_URL": self.urls.app, "DRILL_NOTES": str(self.notes)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        worker = WorkerProcess(process, log_path)
        self.workers.append(worker)
        self.until(lambda: says in worker.log() or process.poll() is not None, f"the worker says: {says}")
        assert process.poll() in {None, -signal.SIGKILL}, worker.log()
        return worker

    @asynccontextmanager
    async def working(self, *jobs: Job[Any], **options: Any) -> AsyncIterator[Worker]:
        """A worker in this process."""
        chosen = WorkerOptions(**{"backoff": Backoff(base_s=0), "poll_s": 0.1, "concurrency": 4, **options})
        stop = asyncio.Event()
        connections = connections_for(chosen, len(jobs))
        async with Database(self.urls.app, pipelines=1, connections=connections) as database:
            worker = Worker(jobs, database, chosen, transport=self.transport(database))
            running = asyncio.create_task(worker.run(stop))
            try:
                yield worker
            finally:
                stop.set()
                await running

    # -- producing ---------------------------------------------------------------------------------------------------
    async def enqueue(self, *payloads: Payload, context: Context = ANONYMOUS) -> list[UUID]:
        """Enqueue in one transaction, as a visitor's request would."""
        async with Database(self.urls.app, pipelines=1, connections=1) as database:
            database.outbox = outbox(self.jobs, self.transport(database))
            async with database.session(context).transaction() as tx:
                return [await tx.enqueue(payload) for payload in payloads]

    def send_raw(self, job: Job[Any], body: str | None, headers: dict[str, str] | None = None) -> None:
        """A message as no producer of ours would write it."""
        with self.admin() as connection:
            connection.execute(
                "select pgmq.send(%s, %s::jsonb, %s::jsonb, 0)", [job.queue, body, json.dumps(headers or {})]
            )

    # -- asking ------------------------------------------------------------------------------------------------------
    def admin(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(self.urls.admin, autocommit=True, row_factory=dict_row)

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        with self.admin() as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def effects(self, key: str | None = None) -> list[dict[str, Any]]:
        if key is None:
            return self.rows("select * from public.effects order by id")
        return self.rows("select * from public.effects where key = %s order by id", key)

    def run(self, key: str) -> dict[str, Any] | None:
        """The ledger's row."""
        rows = self.rows("select * from clarivum.job_runs where key = %s", key)
        return rows[0] if rows else None

    def state(self, key: str) -> str | None:
        run = self.run(key)
        return None if run is None else run["state"]

    def letters(self) -> list[dict[str, Any]]:
        return self.rows("select * from clarivum.dead_letters order by died_at")

    def depth(self, job: Job[Any]) -> int:
        return int(self.rows(f"select count(*) as messages from pgmq.q_{job.queue}")[0]["messages"])

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = DEADLINE_S) -> None:
        """Poll a real condition, at most `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(worker.log() for worker in self.workers)
                pytest.fail(f"after {timeout_s:g} s still not: {what}\n{logs}")
            time.sleep(0.02)

    async def eventually(self, condition: Callable[[], object], what: str, timeout_s: float = DEADLINE_S) -> None:
        """As until, while workers of this process go on."""
        await asyncio.to_thread(self.until, condition, what, timeout_s)

    def end(self) -> None:
        """Leave no process behind."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.send(signal.SIGKILL)
                worker.send(signal.SIGCONT)
            worker.process.wait()

    def noted(self, key: str) -> Sequence[Path]:
        """The attempts that have begun."""
        return sorted(self.notes.glob(f"{key}.*"))


@pytest.fixture(scope="session")
def aws_servers() -> Iterator[Callable[[Kind], AwsServer]]:
    """The SQS servers of this run (of this xdist worker), started on first use: `aws_servers("moto")`."""
    running: dict[Kind, AwsServer] = {}
    before = {name: os.environ.get(name) for name in CREDENTIALS}
    os.environ.update(CREDENTIALS)

    def server(kind: Kind) -> AwsServer:
        if kind not in running:
            running[kind] = AwsServer(kind)
            running[kind].start()
        return running[kind]

    yield server
    for each in running.values():
        each.close()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture
def proxy(database_urls: DatabaseUrls) -> Iterator[FlakyProxy]:
    """Before the database; only `drill_through_proxy` uses it."""
    with FlakyProxy(database_urls.server.port, seed=5) as proxy:
        yield proxy


@pytest.fixture
def drill_through_proxy(drill: Drill, proxy: FlakyProxy, database_urls: DatabaseUrls) -> Drill:
    """A drill whose producers and workers go through the proxy; what the tests ask goes around it."""
    through = proxy.before(database_urls.server.app_url(database_urls.name, tcp=True))
    return replace(drill, urls=replace(database_urls, app=through))


@pytest.fixture
def drill(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Drill]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
    ensure_queues(database_urls.admin, JOBS)
    drill = Drill(database_urls, tmp_path)
    yield drill
    drill.end()
    assert not drill.rows(MALFORMED_RUNS), "rows of the ledger that contradict themselves"
