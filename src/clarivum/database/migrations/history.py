"""The history table that the Supabase CLI and `clarivum db push` share, and what it says about a folder of files.

DDL and column order of use as in supabase/cli pkg/migration/history.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from pglast import scan

from clarivum.database.migrations.files import Migration
from clarivum.errors import MIGRATION_REFUSED, RefusedError

STANDS = """
select count(*) = 3 from pg_attribute where not attisdropped and (attrelid, attname) in (
    (to_regclass('supabase_migrations.schema_migrations'), 'statements'),
    (to_regclass('supabase_migrations.schema_migrations'), 'name'),
    (to_regclass('supabase_migrations.clarivum_unfinished'), 'version')
)
"""
PREPARE = """
set local lock_timeout = '2s';
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
create table if not exists supabase_migrations.clarivum_unfinished (
    version text not null primary key, started_at timestamptz not null default now()
);
"""
# A table that an older Supabase CLI made has the version alone.
SELECT = """
select version, coalesce(to_jsonb(history) ->> 'name', ''), to_jsonb(history) -> 'statements'
from supabase_migrations.schema_migrations history order by version
"""
INSERT = "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)"
BEGIN_NOTE = (
    "insert into supabase_migrations.clarivum_unfinished (version) values (%s) on conflict do nothing returning version"
)
END_NOTE = "delete from supabase_migrations.clarivum_unfinished where version = %s"

IGNORED = frozenset({"SQL_COMMENT", "C_COMMENT", "ASCII_59"})
"""Token kinds that say nothing: both comments, and the semicolon."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of the history. `statements` is None where a tool recorded the version alone."""

    version: str
    name: str
    statements: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Status:
    """A folder compared with a database. Each of `edited`, `missing`, `late` stops a push."""

    applied: tuple[Applied, ...]
    pending: tuple[Migration, ...]
    edited: tuple[Migration, ...] = ()
    missing: tuple[Applied, ...] = ()
    late: tuple[Migration, ...] = ()

    @property
    def in_step(self) -> bool:
        """Nothing to do and nothing wrong."""
        return not (self.pending or self.edited or self.missing or self.late)


def prepare(connection: psycopg.Connection) -> None:
    """Make the tables that are missing; where all stand, take no lock (ALTER TABLE would, even with nothing to add)."""
    if connection.execute(STANDS).fetchone() != (True,):
        with connection.transaction():
            connection.execute(PREPARE)


def read_history(connection: psycopg.Connection) -> list[Applied]:
    """Rows, oldest first; none where the table does not exist yet. Raises psycopg's errors."""
    try:
        rows = connection.execute(SELECT).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return []
    return [Applied(version, name, None if texts is None else tuple(texts)) for version, name, texts in rows]


def compare(migrations: Sequence[Migration], applied: Sequence[Applied]) -> Status:
    """What is to be applied, and what is wrong. Pure."""
    rows = {row.version: row for row in applied}
    files = {migration.version for migration in migrations}
    newest = max(rows, default="")
    pending = [migration for migration in migrations if migration.version not in rows]
    return Status(
        applied=tuple(applied),
        pending=tuple(migration for migration in pending if migration.version > newest),
        edited=tuple(m for m in migrations if m.version in rows and _differs(m, rows[m.version])),
        missing=tuple(row for row in applied if row.version not in files),
        late=tuple(migration for migration in pending if migration.version <= newest),
    )


def refuse_disagreement(status: Status) -> None:
    """Raise RefusedError when files and history contradict each other; nothing may run then."""
    if status.edited:
        paths = ", ".join(str(migration.path) for migration in status.edited)
        raise RefusedError(
            f"{paths}: edited after it was applied; restore the file and write the change as a new migration",
            code=MIGRATION_REFUSED,
        )
    if status.missing:
        versions = ", ".join(row.version for row in status.missing)
        raise RefusedError(
            f"applied, but not in the folder: {versions}; get the missing files from the branch that brought them",
            code=MIGRATION_REFUSED,
        )
    if status.late:
        paths = ", ".join(str(migration.path) for migration in status.late)
        newest = status.applied[-1].version
        raise RefusedError(
            f"{paths}: older than the newest applied migration; rename it to a version after {newest}",
            code=MIGRATION_REFUSED,
        )


def fingerprint(statements: Sequence[str]) -> tuple[str, ...]:
    """Statements as their tokens: comments, white space and semicolons do not count, so that both tools agree.

    The Supabase CLI splits with a parser of its own; a version may keep a comment that another one drops. Nor do line
    ends count, inside a string or a function's body either: git may check a file out with those of Windows.
    """
    text = ";\n".join(_unix_line_ends(statement) for statement in statements)
    return tuple(text[token.start : token.end + 1] for token in scan(text) if token.name not in IGNORED)


def _differs(migration: Migration, row: Applied) -> bool:
    if row.statements is None or tuple(migration.texts) == row.statements:
        return False
    return fingerprint(migration.texts) != fingerprint(row.statements)


def _unix_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n")
