"""The declared schema: the files below `supabase/schemas/`, which say what the application's tables are, not how they
came to be.

Applied in the order of their paths, folder by folder, or of `schema_paths` in config.toml (`[db.migrations]`), as the
Supabase CLI does.
"""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from clarivum.database.migrations.files import Migration, judge, read_text, refusal, split
from clarivum.database.migrations.run import LockNotGrantedError, run_statements
from clarivum.database.schema import application as application_schemas
from clarivum.errors import SCHEMA_REFUSED, RefusedError

DEFAULT_PATHS = ("./schemas/**/*.sql",)


def read_schema(supabase: Path) -> list[Migration]:
    """The files below the folder `supabase`, in the order in which they are applied.

    Raises RefusedError with file and line for what does not parse, runs outside a transaction, or when no file exists.
    """
    found = (path for pattern in _patterns(supabase) for path in sorted(supabase.glob(pattern)) if path.is_file())
    paths = list(dict.fromkeys(found))
    if not paths:
        raise RefusedError(
            f"{supabase / 'schemas'}: no *.sql file declares a schema; write one, or use `db new`", code=SCHEMA_REFUSED
        )
    return [_read(path) for path in paths]


def apply_schema(connection: psycopg.Connection, files: list[Migration]) -> None:
    """Make the database's application part what the files declare; the platform's stays as the migrations made it.

    What was there is dropped: the database is one made for the occasion. Raises RefusedError with file and line.
    """
    with _as_schema_error():
        application_schemas.empty(connection, keep_platform=True)
        for file in files:
            try:
                run_statements(connection, file.path, file.body)
            except LockNotGrantedError as error:
                raise RefusedError(f"{error.where}: another session holds a lock on a database of ours") from None


def _patterns(supabase: Path) -> list[str]:
    config = supabase / "config.toml"
    try:
        settings = tomllib.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
        given = settings.get("db", {}).get("migrations", {}).get("schema_paths") or DEFAULT_PATHS
        return [str(Path(pattern)) for pattern in given]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        raise RefusedError(f"{config}: cannot be read: {error}", code=SCHEMA_REFUSED) from None


def _read(path: Path) -> Migration:
    """A file of the schema, held to what a migration is held to, but for its name."""
    with _as_schema_error():
        file = Migration("", path.stem, path, tuple(split(read_text(path), path)))
        if file.statements:
            judge(file)
        if not file.transactional:
            raise refusal(path, file.statements[0].line, "a declared schema is not built concurrently: leave that out")
    return file


@contextmanager
def _as_schema_error() -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        raise RefusedError(error.detail, code=SCHEMA_REFUSED) from None
