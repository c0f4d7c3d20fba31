"""One soak: a server of its own in a temporary folder, the faults, the count, and what is kept of it."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version

import psycopg

from benchmarks.harness.machine import machine_facts
from benchmarks.harness.spread import percentile
from benchmarks.soak import counting
from benchmarks.soak.conductor import PRODUCERS, WORKERS, Conductor, Observed, Say
from benchmarks.soak.counting import Count
from benchmarks.soak.crew import Crew
from benchmarks.soak.declared import JOBS, WORLD
from benchmarks.soak.plan import Asked, Kind, plan
from clarivum import __version__
from clarivum.database.migrations.push import push
from clarivum.database.provision import provision, provision_login
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.jobs.transports.queues import ensure_queues

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "benchmarks" / "results" / "soak.json"
PAGE = ROOT / "docs" / "soak.md"
RECONNECT_WITHIN_S = 10.0
"""What hardening asks: the first effect after the database is back."""
SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds, over `values` measurements."""

    values: int
    p50: float
    p95: float
    maximum: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Quantiles":
        """Zeros where nothing was measured."""
        ordered = sorted(seconds) or [0.0]
        found = (percentile(ordered, 0.5), percentile(ordered, 0.95), ordered[-1])
        return cls(len(seconds), *(round(value, 3) for value in found))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a soak. `recovered`: from the database's return to the next effect; `taken_over`: from the end of a
    lost attempt's lease to the end of its run; `down`: how long a restart took."""

    day: str
    asked: Asked
    seconds: float
    machine: dict[str, str]
    versions: dict[str, str]
    database: dict[str, str]
    workers: int
    producers: int
    injected: dict[str, int]
    killed: dict[str, int]
    failed_starts: int
    unexpected: list[str]
    timed_out: bool
    count: Count
    down: Quantiles
    recovered: Quantiles
    taken_over: Quantiles

    @property
    def complaints(self) -> list[str]:
        """Why it did not pass; empty when it did."""
        count, asked = self.count, self.asked
        found = {
            f"{count.lost} jobs lost": count.lost,
            f"{count.twice} effects too many": count.twice,
            f"{count.unequal} business rows without their effect, or the other way round": count.unequal,
            f"{count.dead} dead letters": count.dead,
            f"{count.left} messages and {count.unfinished} runs left": count.left + count.unfinished,
            f"given up after {asked.limit_s:g} s": self.timed_out,
            f"only {sum(self.killed.values())} of {asked.kills} workers killed": sum(self.killed.values())
            < asked.kills,
            f"the first effect came {self.recovered.maximum:g} s after a restart": (
                self.recovered.maximum > RECONNECT_WITHIN_S
            ),
        }
        return [text for text, is_so in found.items() if is_so] + self.unexpected


def measure(asked: Asked, say: Say) -> Result:
    """From an empty folder to the count; everything that was started is ended and deleted in any case."""
    facts = machine_facts()
    with (
        tempfile.TemporaryDirectory(prefix="clarivum-soak-") as folder,
        _server(Path(folder), asked.postgres) as server,
    ):
        say(f"Postgres {asked.postgres} in a temporary folder; seed {asked.seed}")
        crew = Crew(server.app_url(), Path(folder))
        conductor = Conductor(server, crew, plan(asked), asked, say)
        began = time.monotonic()
        try:
            conductor.run()
            seconds = time.monotonic() - began
        finally:
            crew.end()
        with psycopg.connect(server.admin_url(), autocommit=True) as connection:
            return _result(asked, conductor.observed, connection, seconds, facts)


def _result(
    asked: Asked, observed: Observed, connection: counting.Connection, seconds: float, facts: dict[str, str]
) -> Result:
    settings = connection.execute(
        "select name, current_setting(name) from unnest(%s::text[]) as name", [list(SHOWN)]
    ).fetchall()
    return Result(
        day=datetime.now(UTC).date().isoformat(),
        asked=asked,
        seconds=round(seconds, 1),
        machine=facts,
        versions={"clarivum": __version__, "Python": python_version(), "psycopg": psycopg.__version__},
        database=dict(settings),
        workers=WORKERS,
        producers=PRODUCERS,
        injected={str(kind): observed.spent[kind] for kind in Kind},
        killed=dict(sorted(observed.killed.items())),
        failed_starts=observed.failed_starts,
        unexpected=observed.unexpected,
        timed_out=observed.timed_out,
        count=counting.count(connection, asked.jobs),
        down=Quantiles.of(observed.down_s),
        recovered=Quantiles.of(counting.until_effect_s(connection, observed.up)),
        taken_over=Quantiles.of(counting.lost_until_done_s(connection)),
    )


@contextmanager
def _server(folder: Path, version: int) -> Iterator[EmbeddedServer]:
    """Migrated, with the soak's tables and queues; as durable as a server is by default."""
    server = EmbeddedServer(folder, version, options={"shared_buffers": "64MB"})
    try:
        server.start()
        provision(server.admin_url())
        provision_login(server.admin_url(), server.app_password)
        push(server.admin_url(), ROOT / "supabase" / "migrations")
        ensure_queues(server.admin_url(), JOBS)
        with psycopg.connect(server.admin_url(), autocommit=True) as connection:
            connection.execute(WORLD)
        yield server
    finally:
        if server.running:
            server.stop(immediate=True)
        server.destroy()
        shutil.rmtree(folder, ignore_errors=True)


def keep(result: Result) -> None:
    """Write what docs/soak.md is made from."""
    KEPT.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")


def kept() -> Result:
    """The result that stands in the repository."""
    found = json.loads(KEPT.read_text(encoding="utf-8"))
    found["asked"] = Asked(**found["asked"])
    found["count"] = Count(**found["count"])
    for name in ("down", "recovered", "taken_over"):
        found[name] = Quantiles(**found[name])
    return Result(**found)
