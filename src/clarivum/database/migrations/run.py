"""Run one migration file: in one transaction with its history row, or outside a transaction where it must be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pglast import ast

from clarivum.database.migrations import history
from clarivum.database.migrations.files import Migration, Statement
from clarivum.database.migrations.outside_transaction import begin_or_resume, forget, waits_beside_traffic
from clarivum.errors import MIGRATION_FAILED, DependencyDownError, RefusedError

LOCK_TIMEOUT_MS = 2_000
STATEMENT_TIMEOUT_MS = 60_000
OUTSIDE_TIMEOUT_MS = 3_600_000
TRY_AGAIN = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
EXCERPT_CHARACTERS = 120

CAP_LOCK_TIMEOUT = (
    "select set_config('lock_timeout', %(limit)s::text, true) from pg_settings"
    " where name = 'lock_timeout' and not setting::int between 1 and %(limit)s"
)


class LockNotGrantedError(Exception):
    """A statement did not get its lock; what the file did is undone and may be tried again."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


def run_migration(connection: psycopg.Connection, migration: Migration) -> None:
    """Apply one file and record it. Raises LockNotGrantedError, RefusedError, DependencyDownError."""
    with _whole(connection, migration.path):
        if migration.transactional:
            _in_transaction(connection, migration)
        else:
            _outside_transaction(connection, migration)


def run_statements(connection: psycopg.Connection, path: Path, statements: Sequence[Statement]) -> None:
    """Run statements in one transaction of their own. Raises as `run_migration`."""
    with _whole(connection, path):
        _reset(connection, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS)
        with connection.transaction():
            for statement in statements:
                _run(connection, path, statement)


def _in_transaction(connection: psycopg.Connection, migration: Migration) -> None:
    _reset(connection, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS)
    with connection.transaction():
        for statement in migration.body:
            _run(connection, migration.path, statement)
            if isinstance(statement.node, ast.VariableSetStmt):  # pg_dump writes SET lock_timeout = 0
                connection.execute(CAP_LOCK_TIMEOUT, {"limit": LOCK_TIMEOUT_MS})
        connection.execute("reset session authorization; reset role")
        _record(connection, migration)


def _outside_transaction(connection: psycopg.Connection, migration: Migration) -> None:
    """A note that the file is begun; the statement; then, together, the history row and the end of the note.

    A CONCURRENTLY form takes no lock that traffic waits behind, so it may itself wait until the statement timeout. The
    others (VACUUM FULL, CLUSTER) are held to the lock timeout of every file.
    """
    statement = migration.body[0]
    lock_timeout_ms = 0 if waits_beside_traffic(statement.node) else LOCK_TIMEOUT_MS
    _reset(connection, lock_timeout_ms, OUTSIDE_TIMEOUT_MS)
    if begin_or_resume(connection, migration.version, statement.node):
        try:
            _run(connection, migration.path, statement)
        except (RefusedError, LockNotGrantedError):
            forget(connection, migration.version, statement.node)
            raise
    with connection.transaction():
        _record(connection, migration)
        connection.execute(history.END_NOTE, (migration.version,))


def _record(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        connection.execute(history.INSERT, (migration.version, migration.name, migration.texts))
    except psycopg.errors.UniqueViolation:
        raise RefusedError(
            f"{migration.path}: another tool applied it at the same moment; push again", code=MIGRATION_FAILED
        ) from None


def _reset(connection: psycopg.Connection, lock_timeout_ms: int, statement_timeout_ms: int) -> None:
    """What an earlier file set for the session must not reach the next one; what is ours is set anew.

    A server notices within a second that we were killed, and lets go of the locks.
    """
    connection.execute(
        "reset session authorization; reset all;"
        f"set lock_timeout = {lock_timeout_ms}; set statement_timeout = {statement_timeout_ms};"
        "set idle_in_transaction_session_timeout = '60s'; set client_connection_check_interval = '1s'"
    )


def _run(connection: psycopg.Connection, path: Path, statement: Statement) -> None:
    try:
        connection.execute(statement.sql.encode())
    except TRY_AGAIN:
        raise LockNotGrantedError(f"{path}:{statement.line}") from None
    except psycopg.Error as error:
        if connection.broken:
            raise DependencyDownError(f"{path}:{statement.line}: the connection was lost; push again") from None
        raise _failure(path, statement, error) from None


@contextmanager
def _whole(connection: psycopg.Connection, path: Path) -> Iterator[None]:
    """What no single statement meets, but the file as a whole: its COMMIT, with deferred constraints; its history row.

    A connection lost at COMMIT leaves open whether the file was applied; the history row tells the next push.
    """
    try:
        yield
    except TRY_AGAIN:
        raise LockNotGrantedError(str(path)) from None
    except psycopg.Error as error:
        if connection.broken:
            raise DependencyDownError(f"{path}: the connection was lost; push again") from None
        message = error.diag.message_primary or type(error).__name__
        raise RefusedError(
            f"{path}: {message} ({error.sqlstate}), when the file was committed or recorded", code=MIGRATION_FAILED
        ) from None


def _failure(path: Path, statement: Statement, error: psycopg.Error) -> RefusedError:
    """File, line and the server's message; not its DETAIL, which carries values of rows."""
    position = error.diag.statement_position
    line = statement.line
    if position is not None:
        line = statement.first_line + statement.sql.count("\n", 0, int(position) - 1)
    hint = f"\n    hint: {error.diag.message_hint}" if error.diag.message_hint else ""
    code = "" if line == statement.line else statement.sql.splitlines()[line - statement.first_line].strip()
    excerpt = code or statement.sql.splitlines()[statement.line - statement.first_line].strip()
    return RefusedError(
        f"{path}:{line}: {error.diag.message_primary or error} ({error.sqlstate})\n"
        f"    {excerpt[:EXCERPT_CHARACTERS]}{hint}",
        code=MIGRATION_FAILED,
    )
