"""Apply migrations as the Supabase CLI would: same folder, same history table; either tool can apply the next file.

One deployer at a time, one file per transaction together with its history row. A lock is waited for at most two
seconds, then what the file did is undone and tried again after a random pause: traffic never queues behind a push.
"""

import random as randomness
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psycopg

from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database.migrations import history
from clarivum.database.migrations.files import Migration, discover, judge, read_text, split
from clarivum.database.migrations.history import Status
from clarivum.database.migrations.run import LOCK_TIMEOUT_MS, LockNotGrantedError, run_migration, run_statements
from clarivum.database.reach import connect
from clarivum.errors import MIGRATION_LOCKED, ConfigurationError, DependencyDownError

DEPLOYER_LOCK = 0x636C_6172_6976_756D  # "clarivum"
TRANSACTION_POOLER_PORT = 6543
BACKOFF_FIRST_S = 0.25
BACKOFF_LIMIT_S = 8.0
DEPLOYER_POLL_LIMIT_S = 1.0


class Step(StrEnum):
    """What a progress event reports."""

    WAITING = "waiting"
    APPLYING = "applying"
    RETRYING = "retrying"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class Progress:
    """One event of a push: file `number` of `total`, `elapsed_s` since it began. Waiting for a deployer has no file."""

    step: Step
    migration: Migration | None
    number: int
    total: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Time, chance and patience of a push. `pause` waits for seconds; `random` returns 0 ≤ x < 1."""

    clock: Clock = SYSTEM_CLOCK
    random: Callable[[], float] = randomness.random
    pause: Callable[[float], None] = time.sleep
    lock_attempts: int = 12
    deployer_patience_s: float = 600.0


DEFAULT_PACE = Pace()


def lock_backoff_s(attempt: int, random: Callable[[], float]) -> float:
    """Pause after failed attempt `attempt` (first: 1): full jitter below 0.25 s, doubled each time, at most 8 s."""
    ceiling: float = min(BACKOFF_LIMIT_S, BACKOFF_FIRST_S * 2 ** (attempt - 1))
    return random() * ceiling


def status(url: str, folder: Path) -> Status:
    """Compare a folder with a database; changes nothing. Raises RefusedError, DependencyDownError."""
    migrations = discover(folder)
    with connect(url) as connection:
        return history.compare(migrations, history.read_history(connection))


def push(
    url: str,
    folder: Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    dry_run: bool = False,
    pace: Pace = DEFAULT_PACE,
) -> list[Migration]:
    """Apply what is pending and return it, oldest first; `dry_run` returns it without applying.

    Every file is read, parsed and judged before the first one runs. Raises RefusedError (`migration_refused`: a file
    that cannot run or contradicts the history; nothing was applied. `migration_failed`: the server refused a statement;
    earlier files stay), DependencyDownError (no answer; `migration_locked`: a lock was not granted in time),
    ConfigurationError (a pooler in transaction mode, where no lock of a session holds).
    """
    migrations = discover(folder)
    started = pace.clock.monotonic()

    def report(step: Step, migration: Migration | None = None, number: int = 0, total: int = 0) -> None:
        if on_progress is not None:
            on_progress(Progress(step, migration, number, total, pace.clock.monotonic() - started))

    with connect(url, application_name="clarivum db push") as connection:
        _refuse_transaction_pooler(connection)
        if dry_run or not _pending(connection, migrations):
            return _pending(connection, migrations)
        with _only_deployer(connection, pace, report):
            history.prepare(connection)
            pending = _pending(connection, migrations)
            for number, migration in enumerate(pending, 1):
                report(Step.APPLYING, migration, number, len(pending))
                for pause_s in _attempts(connection, migration, pace):
                    report(Step.RETRYING, migration, number, len(pending))
                    pace.pause(pause_s)
                report(Step.APPLIED, migration, number, len(pending))
            return pending


def seed(url: str, path: Path) -> int:
    """Run a seed file in one transaction; it is written to be safe to run again. Returns its number of statements."""
    statements = list(split(read_text(path), path))
    with connect(url, application_name="clarivum db seed") as connection:
        try:
            run_statements(connection, path, statements)
        except LockNotGrantedError as error:
            raise _not_granted(error, 1) from None
    return len(statements)


def _pending(connection: psycopg.Connection, migrations: list[Migration]) -> list[Migration]:
    found = history.compare(migrations, history.read_history(connection))
    history.refuse_disagreement(found)
    for migration in found.pending:
        judge(migration)
    return list(found.pending)


def _attempts(connection: psycopg.Connection, migration: Migration, pace: Pace) -> Iterator[float]:
    """Run a file until it gets its locks; yields the pause, in seconds, before each further attempt."""
    for attempt in range(1, pace.lock_attempts + 1):
        try:
            run_migration(connection, migration)
        except LockNotGrantedError as error:
            if attempt == pace.lock_attempts:
                raise _not_granted(error, attempt) from None
            yield lock_backoff_s(attempt, pace.random)
        else:
            return


def _not_granted(error: LockNotGrantedError, attempts: int) -> DependencyDownError:
    return DependencyDownError(
        f"{error.where}: no lock within {LOCK_TIMEOUT_MS / 1000:g} s, {attempts} times; nothing of it was applied",
        code=MIGRATION_LOCKED,
    )


@contextmanager
def _only_deployer(connection: psycopg.Connection, pace: Pace, report: Callable[[Step], None]) -> Iterator[None]:
    """Hold the deployers' advisory lock for the session; the server releases it when we are killed.

    Polled, not waited for: a session that waits inside a statement holds a snapshot, and CREATE INDEX CONCURRENTLY of
    the deployer in front would wait for that snapshot.
    """
    deadline = pace.clock.monotonic() + pace.deployer_patience_s
    attempt = 0
    while connection.execute("select pg_try_advisory_lock(%s)", (DEPLOYER_LOCK,)).fetchone() != (True,):
        if pace.clock.monotonic() >= deadline:
            raise DependencyDownError("another deployer has been pushing for too long", code=MIGRATION_LOCKED)
        if not attempt:
            report(Step.WAITING)
        attempt += 1
        pace.pause(min(lock_backoff_s(attempt, pace.random), DEPLOYER_POLL_LIMIT_S))
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a lost connection has let go of it already
            connection.execute("select pg_advisory_unlock(%s)", (DEPLOYER_LOCK,))


def _refuse_transaction_pooler(connection: psycopg.Connection) -> None:
    if connection.info.port == TRANSACTION_POOLER_PORT:
        raise ConfigurationError(
            f"the migration URL leads to port {TRANSACTION_POOLER_PORT}, a pooler in transaction mode;"
            " use port 5432 of the same host (session mode) or the direct address"
        )
