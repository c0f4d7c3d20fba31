"""One storm on a scratch database, and what is kept of it."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from benchmarks.leaks.application import FILL, NOTES, TENANTS, WORLD, LeaksApplication
from benchmarks.leaks.storm import CALLERS, Storm
from clarivum import telemetry
from clarivum.api.server import build_app
from clarivum.auth import TokenVerifier
from clarivum.auth.standin.issuing import StandIn
from clarivum.checks.pages.marked import with_parts
from clarivum.database import Database
from clarivum.database.server.scratch import ScratchServer
from clarivum.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "benchmarks" / "results" / "leaks.json"
PAGE = ROOT / "docs" / "security.md"
COMMAND = "./clarivum bench leaks"
PIPELINES = CONNECTIONS = 2
TERMINATE_EVERY = 5_000
SAY_EVERY_S = 2.0
LIFETIME_S = 6 * 3_600
NAME = "clarivum-leaks"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What to run: how many requests, from which seed, on which Postgres."""

    requests: int
    seed: int
    postgres: int = 18


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a storm. `outcomes` counts requests by how they ended, and connections that were ended."""

    day: str
    requests: int
    seed: int
    postgres: int
    tenants: int
    connections: int
    callers: int
    seconds: float
    outcomes: dict[str, int]
    looked_at: int
    foreign: list[str]
    unexpected: list[str]

    @property
    def passed(self) -> bool:
        return not self.foreign and not self.unexpected


def measure(asked: Asked, say: Say) -> Result:
    """Run it, on a scratch server that is thrown away. Takes a second, then about a millisecond a request."""
    quiet = {"CLARIVUM_LOG_LEVEL": "error", "OTEL_SDK_DISABLED": "true", "OTEL_SERVICE_NAME": NAME}
    telemetry.configure(Settings.load(quiet), role="cli")
    with ScratchServer(asked.postgres) as server:
        server.migrated("leaks", ROOT / "supabase" / "migrations")
        return storm(server.url("leaks"), server.app_url("leaks"), asked, say)


def storm(admin_url: str, app_url: str, asked: Asked, say: Say) -> Result:
    """Run it on a migrated database of its own."""
    settings = Settings.load(
        {
            "DATABASE_URL": app_url,
            "CLARIVUM_DATABASE_PIPELINES": str(PIPELINES),
            "CLARIVUM_DATABASE_CONNECTIONS": str(CONNECTIONS),
        }
    )
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(WORLD)
        admin.execute(FILL, [TENANTS - 1, NOTES])
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_storm(settings, admin, asked, say))


async def _storm(settings: Settings, admin: psycopg.Connection[Any], asked: Asked, say: Say) -> Result:
    requests = asked.requests
    with tempfile.TemporaryDirectory(prefix="clarivum-leaks-") as folder:
        stand_in = StandIn(settings, Path(folder))

    async def fetch(_url: str) -> bytes:
        return json.dumps(stand_in.key_set()).encode()

    async def terminate() -> None:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
            " and datname = current_database() order by random() limit 1",
            [f"{NAME}-api"],
        )

    tenants = [f"tenant-{number}" for number in range(TENANTS)]
    tokens = [(tenant, stand_in.issue(tenant, ("member",), expires_in_s=LIFETIME_S)) for tenant in tenants]
    database = Database(
        settings.database_url.get_secret_value() if settings.database_url else "",
        pipelines=PIPELINES,
        connections=CONNECTIONS,
        application_name=f"{NAME}-api",
    )
    app = build_app(LeaksApplication(), settings, database=database, verifier=TokenVerifier(settings, fetch=fetch))
    began = time.monotonic()
    async with _open(app):
        running = Storm(app, tokens, asked.seed)
        teller = asyncio.create_task(_tell(running, requests, began, say))
        try:
            await running.run(requests, terminate=terminate, terminate_every=min(TERMINATE_EVERY, requests // 4 or 1))
        finally:
            teller.cancel()
    return Result(
        day=datetime.now(UTC).date().isoformat(),
        requests=requests,
        seed=asked.seed,
        postgres=asked.postgres,
        tenants=TENANTS,
        connections=PIPELINES + CONNECTIONS,
        callers=CALLERS,
        seconds=round(time.monotonic() - began, 1),
        outcomes=dict(sorted(running.outcomes.items())),
        looked_at=running.looked_at,
        foreign=running.foreign[:20],
        unexpected=running.unexpected[:20],
    )


@asynccontextmanager
async def _open(app: Any) -> AsyncIterator[None]:
    """What a server does around an ASGI application."""
    to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan"}, to_app.get, said.put))
    to_app.put_nowait({"type": "lifespan.startup"})
    await said.get()
    if app.failure is not None:
        raise app.failure
    try:
        yield
    finally:
        to_app.put_nowait({"type": "lifespan.shutdown"})
        await running


async def _tell(storm: Storm, requests: int, began: float, say: Say) -> None:
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(SAY_EVERY_S)
            per_s = storm.begun / (time.monotonic() - began)
            say(f"{storm.begun:,} of {requests:,} requests, {per_s:,.0f}/s, {len(storm.foreign)} foreign rows")


def keep(result: Result) -> None:
    """Write the result, and the part of docs/security.md that tells it."""
    KEPT.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_parts(PAGE.read_text(encoding="utf-8"), {"isolation": part(result)}, COMMAND, PAGE.name))


def kept() -> Result:
    """The result that stands in the repository."""
    return Result(**json.loads(KEPT.read_text(encoding="utf-8")))


def part(result: Result) -> str:
    """The result as it stands in docs/security.md."""
    outcomes = "\n".join(f"| {name} | {count:,} |" for name, count in result.outcomes.items())
    return (
        f"{result.requests:,} requests of {result.tenants} tenants on {result.connections} database connections, "
        f"{result.callers} at a time, on Postgres {result.postgres}, seed {result.seed}, on {result.day} in "
        f"{result.seconds:,.0f} s: **{len(result.foreign)} foreign rows** in {result.looked_at:,} looks at rows, role "
        f"and claims; {len(result.unexpected)} unexpected answers.\n\n| outcome | requests |\n|---|---|\n{outcomes}"
    )
