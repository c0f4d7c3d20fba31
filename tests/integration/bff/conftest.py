"""Clarivum's own backend over a real Postgres: API and worker in the test's loop, mail as files."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from bff.app import application
from clarivum.api.server import build_app
from clarivum.auth import TokenVerifier
from clarivum.auth.standin import StandIn
from clarivum.database import WORKER, Database
from clarivum.jobs import Job, Payload, outbox
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.worker.worker import Worker, connections_for
from clarivum.settings import Settings
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.stripe import stripe_header

SECRET = "whsec_K7mQ2vX9pR4tY8wZ1aB3cD5eF6gH0jL"
DEADLINE_S = 20.0


@dataclass
class Backend:
    """What a test does to the backend, and what it asks of the outcome."""

    urls: DatabaseUrls
    data: Path
    client: httpx.AsyncClient
    stand_in: StandIn

    # -- as a caller -------------------------------------------------------------------------------------------------
    def bearer(self, subject: str = "auth0|alice", *roles: str, email: str = "alice@example.org") -> dict[str, str]:
        token = self.stand_in.issue(subject, list(roles) or ["member"], email, mfa=True)
        return {"authorization": f"Bearer {token}"}

    async def webhook(self, event: dict[str, Any], *, secret: str = SECRET, at: int | None = None) -> httpx.Response:
        body = json.dumps(event).encode()
        header = stripe_header(body, secret, int(time.time()) if at is None else at)
        return await self.client.post(
            "/webhooks/stripe",
            content=body,
            headers={"content-type": "application/json; charset=utf-8", "stripe-signature": header},
        )

    # -- jobs --------------------------------------------------------------------------------------------------------
    @asynccontextmanager
    async def working(self, *jobs: Job[Any], concurrency: int = 4) -> AsyncIterator[None]:
        """A worker of these jobs, or of all."""
        options = WorkerOptions(backoff=Backoff(base_s=0), poll_s=0.1, concurrency=concurrency)
        chosen: Sequence[Job[Any]] = jobs or tuple(application.jobs.values())
        stop = asyncio.Event()
        async with Database(self.urls.app, pipelines=1, connections=connections_for(options, len(chosen))) as database:
            database.outbox = outbox(application.jobs.values())
            running = asyncio.create_task(Worker(chosen, database, options).run(stop))
            try:
                yield
            finally:
                stop.set()
                await running

    async def enqueue(self, *payloads: Payload) -> None:
        async with Database(self.urls.app, pipelines=1, connections=1) as database:
            database.outbox = outbox(application.jobs.values())
            async with database.session(WORKER).transaction() as tx:
                for payload in payloads:
                    await tx.enqueue(payload)

    # -- asking ------------------------------------------------------------------------------------------------------
    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.urls.admin, autocommit=True, row_factory=dict_row) as connection:
            done = connection.execute(query.encode(), parameters or None)
            return done.fetchall() if done.description else []

    def count(self, query: str, *parameters: object) -> int:
        return int(next(iter(self.rows(f"select count(*) as n from {query}", *parameters)[0].values())))

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Poll a real condition while workers go on."""
        deadline = time.monotonic() + DEADLINE_S
        while not await asyncio.to_thread(condition):
            if time.monotonic() > deadline:
                pytest.fail(f"after {DEADLINE_S:g} s still not: {what}\n{self.rows('select * from clarivum.job_runs')}")
            await asyncio.sleep(0.02)

    @contextmanager
    def paused(self, statement: str) -> Iterator[Callable[[], None]]:
        """Let statements such as `insert on public.leads` wait, after their rows are written, until the yielded
        function is called."""
        with psycopg.connect(self.urls.admin) as holder:
            self.rows(
                "create function public.wait_for_test() returns trigger language plpgsql security definer as"
                " $$ begin perform pg_advisory_xact_lock(20261126); return null; end $$;"
                f"create trigger wait_for_test after {statement} for each statement"
                " execute function public.wait_for_test()"
            )
            holder.execute("select pg_advisory_lock(20261126)")
            yield lambda: holder.execute("select pg_advisory_unlock(20261126)") and None

    def runs(self, job: str, state: str = "done") -> int:
        return self.count("clarivum.job_runs where job = %s and state = %s", job, state)

    def letters(self) -> list[EmailMessage]:
        folder = self.data / "mail"
        found = [message_from_bytes(file.read_bytes(), policy=default) for file in sorted(folder.glob("*.eml"))]
        return [letter for letter in found if isinstance(letter, EmailMessage)]


@pytest.fixture
async def backend(
    database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backend]:
    monkeypatch.setenv("CLARIVUM_DATA", str(tmp_path))
    for name in ("SMTP_URL", "CLARIVUM_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings.load({"DATABASE_URL": database_urls.app, "STRIPE_WEBHOOK_SECRET": SECRET})
    stand_in = StandIn(settings, tmp_path)

    async def published(_url: str) -> bytes:
        return json.dumps(stand_in.key_set()).encode()

    verifier = TokenVerifier(settings, fetch=published)
    app: Any = build_app(application, settings, verifier=verifier, outbox=outbox(application.jobs.values()))
    async with _lifespan(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://backend.test", timeout=30) as client:
            yield Backend(database_urls, tmp_path, client, stand_in)


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    answered: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, said.get, answered.put))
    await said.put({"type": "lifespan.startup"})
    assert (await answered.get())["type"] == "lifespan.startup.complete"
    yield
    await said.put({"type": "lifespan.shutdown"})
    await task
