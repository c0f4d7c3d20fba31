"""Apply migrations as the Supabase CLI would: same folder, same history table, and either tool can apply the next file.

One deployer at a time, one file per transaction together with its history row. A lock is waited for at most two seconds,
then everything the file did is undone and tried again after a random pause, so that traffic never queues behind a push.
"""

import random as randomness
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psycopg

from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database import history
from clarivum.database.history import Status
from clarivum.database.migration_files import Migration, Statement, discover, read_text, split
from clarivum.database.outside_transaction import prepare_rerun
from clarivum.database.reach import connect
from clarivum.errors import MIGRATION_FAILED, MIGRATION_LOCKED, DependencyDownError, RefusedError

APPLICATION_NAME = "clarivum db push"
DEPLOYER_LOCK = 0x636C_6172_6976_756D  # "clarivum"
LOCK_TIMEOUT_MS = 2_000
STATEMENT_TIMEOUT_MS = 60_000
CONCURRENT_TIMEOUT_MS = 3_600_000
LOCK_ATTEMPTS = 12
DEPLOYER_PATIENCE_S = 600.0
BACKOFF_FIRST_S = 0.25
BACKOFF_LIMIT_S = 8.0
TRY_AGAIN = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class Step(StrEnum):
    """What a progress event reports."""

    WAITING = "waiting"
    APPLYING = "applying"
    RETRYING = "retrying"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class Progress:
    """One event of a push. `number` of `total` pending files; `elapsed_s` since the push began."""

    step: Step
    migration: Migration | None
    number: int
    total: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Time and chance of a push, so that tests can hold both. `pause` waits for seconds."""

    clock: Clock = SYSTEM_CLOCK
    random: Callable[[], float] = randomness.random
    pause: Callable[[float], None] = time.sleep
    lock_attempts: int = LOCK_ATTEMPTS
    deployer_patience_s: float = DEPLOYER_PATIENCE_S


def lock_backoff_s(attempt: int, random: Callable[[], float]) -> float:
    """Pause before attempt `attempt` + 1 (first: 1): full jitter below 0.25 s doubled each time, at most 8 s."""
    ceiling: float = min(BACKOFF_LIMIT_S, BACKOFF_FIRST_S * 2 ** (attempt - 1))
    return random() * ceiling


def status(url: str, folder: Path) -> Status:
    """Compare a folder with a database; changes nothing. Raises RefusedError, DependencyDownError."""
    migrations = discover(folder)
    with connect(url, application_name=APPLICATION_NAME) as connection:
        return history.compare(migrations, history.read_history(connection))


def push(
    url: str,
    folder: Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    dry_run: bool = False,
    pace: Pace = Pace(),
) -> list[Migration]:
    """Apply what is pending and return it, oldest first; `dry_run` returns it without applying.

    Every file is read and parsed before the first one runs. Raises RefusedError (`migration_refused`: a file that cannot
    run, or that contradicts the history; nothing was applied. `migration_failed`: the server refused a statement; earlier
    files stay), DependencyDownError (no answer; `migration_locked`: another session held a lock for too long).
    """
    migrations = discover(folder)
    report = _Reporter(on_progress, pace.clock)
    with connect(url, application_name=APPLICATION_NAME) as connection:
        planned = history.compare(migrations, history.read_history(connection))
        history.refuse_disagreement(planned)
        if dry_run or not planned.pending:
            return list(planned.pending)
        with _only_deployer(connection, pace, report):
            connection.execute(history.PREPARE.encode())
            current = history.compare(migrations, history.read_history(connection))
            history.refuse_disagreement(current)
            for number, migration in enumerate(current.pending, 1):
                report(Step.APPLYING, migration, number, len(current.pending))
                _apply(
                    connection,
                    migration,
                    pace,
                    lambda m=migration, n=number: report(Step.RETRYING, m, n, len(current.pending)),
                )
                report(Step.APPLIED, migration, number, len(current.pending))
            return list(current.pending)


def seed(url: str, path: Path) -> int:
    """Run a seed file in one transaction; it is written to be safe to run again. Returns its number of statements."""
    statements = list(split(read_text(path), path))
    with connect(url, application_name="clarivum db seed") as connection, connection.transaction():
        for statement in statements:
            _run(connection, path, statement)
    return len(statements)


class _Reporter:
    def __init__(self, on_progress: Callable[[Progress], None] | None, clock: Clock) -> None:
        self._tell = on_progress
        self._clock = clock
        self._start = clock.monotonic()

    def __call__(self, step: Step, migration: Migration | None, number: int, total: int) -> None:
        if self._tell is not None:
            self._tell(Progress(step, migration, number, total, self._clock.monotonic() - self._start))


@contextmanager
def _only_deployer(connection: psycopg.Connection, pace: Pace, report: _Reporter) -> Iterator[None]:
    """Hold the advisory lock of deployers for the session; it ends with the connection, also when we are killed.

    Polled, not waited for: a session that waits inside a statement holds a snapshot, and the deployer in front would
    wait for that snapshot in CREATE INDEX CONCURRENTLY.
    """
    deadline = pace.clock.monotonic() + pace.deployer_patience_s
    attempt = 0
    while connection.execute("select pg_try_advisory_lock(%s)", (DEPLOYER_LOCK,)).fetchone() != (True,):
        if pace.clock.monotonic() >= deadline:
            raise DependencyDownError("another deployer has been pushing for too long", code=MIGRATION_LOCKED)
        if not attempt:
            report(Step.WAITING, None, 0, 0)
        attempt += 1
        pace.pause(0.05 + min(lock_backoff_s(attempt, pace.random), 1.0))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (DEPLOYER_LOCK,))


def _apply(connection: psycopg.Connection, migration: Migration, pace: Pace, on_retry: Callable[[], None]) -> None:
    run = _in_transaction if migration.transactional else _outside_transaction
    for attempt in range(1, pace.lock_attempts + 1):
        try:
            run(connection, migration)
        except _Locked as locked:
            if attempt == pace.lock_attempts:
                raise DependencyDownError(
                    f"{locked.where}: no lock within {LOCK_TIMEOUT_MS / 1000:g} s in {attempt} attempts; nothing of the file"
                    " was applied",
                    code=MIGRATION_LOCKED,
                ) from None
            on_retry()
            pace.pause(lock_backoff_s(attempt, pace.random))
        else:
            return


class _Locked(Exception):  # noqa: N818  control flow within this module
    def __init__(self, where: str) -> None:
        self.where = where


def _in_transaction(connection: psycopg.Connection, migration: Migration) -> None:
    _reset(connection, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS)
    with connection.transaction():
        for statement in migration.body:
            _run(connection, migration.path, statement)
        connection.execute("reset session authorization; reset role; reset search_path")
        connection.execute(history.INSERT, (migration.version, migration.name, migration.texts))


def _outside_transaction(connection: psycopg.Connection, migration: Migration) -> None:
    """A note that the file was begun, the statement, then history row and removal of the note in one transaction.

    Found by a later run, the note says that an object of that name is ours: an invalid index is dropped and built again,
    a valid one is what we want. The statement blocks no traffic, so it may wait for its lock.
    """
    _reset(connection, 0, CONCURRENT_TIMEOUT_MS)
    statement = migration.body[0]
    if prepare_rerun(connection, migration.version, statement.node):
        _run(connection, migration.path, statement)
    with connection.transaction():
        connection.execute(history.INSERT, (migration.version, migration.name, migration.texts))
        connection.execute(
            "delete from supabase_migrations.clarivum_unfinished where version = %s", (migration.version,)
        )


def _reset(connection: psycopg.Connection, lock_timeout_ms: int, statement_timeout_ms: int) -> None:
    """What an earlier file set for the session must not reach the next one."""
    connection.execute(
        "reset session authorization; reset all;"
        f"set lock_timeout = {lock_timeout_ms}; set statement_timeout = {statement_timeout_ms};"
        "set client_connection_check_interval = '1s'; set idle_in_transaction_session_timeout = '60s'"
    )


def _run(connection: psycopg.Connection, path: Path, statement: Statement) -> None:
    try:
        connection.execute(statement.sql.encode())
    except TRY_AGAIN:
        raise _Locked(f"{path}:{statement.line}") from None
    except psycopg.OperationalError as error:
        if connection.closed:
            raise DependencyDownError(f"{path}:{statement.line}: the connection was lost; push again") from None
        raise _failure(path, statement, error) from None
    except psycopg.Error as error:
        raise _failure(path, statement, error) from None


def _failure(path: Path, statement: Statement, error: psycopg.Error) -> RefusedError:
    """File, line and message of the server, without its DETAIL, which may carry values."""
    line = statement.line
    if error.diag.statement_position:
        offset = int(error.diag.statement_position) - 1
        first = statement.sql[: len(statement.sql) - len(statement.sql.lstrip())]
        line += max(0, statement.sql.count("\n", 0, offset) - first.count("\n") - _leading_lines(statement))
    message = error.diag.message_primary or str(error)
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    excerpt = " ".join(statement.sql[-len(statement.sql) :].split())[:120]
    return RefusedError(f"{path}:{line}: {error.sqlstate}: {message}{hint}\n    {excerpt}", code=MIGRATION_FAILED)


def _leading_lines(statement: Statement) -> int:
    """Lines of comment before the first token of a statement."""
    from pglast import scan

    for token in scan(statement.sql):
        if token.name not in history.IGNORED:
            return statement.sql.count("\n", 0, token.start)
    return 0
