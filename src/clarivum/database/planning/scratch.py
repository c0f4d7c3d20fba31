"""A throwaway server with the application's migrations applied, and a copy of that database for planning."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import psycopg

from clarivum.database.migrations.push import push
from clarivum.database.planning.catalog import Catalog, read_catalog
from clarivum.database.planning.describe import Describer, Description
from clarivum.database.planning.objects import Objects, read_objects
from clarivum.database.provision import provision, provision_login
from clarivum.database.server.embedded import EmbeddedServer

# Nothing here outlives the command: durability would only cost time. Autovacuum would read the inflated files.
OPTIONS = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
}
MIGRATED = "clarivum_migrated"
PLANNING = "clarivum_planning"


class Scratch:
    """One server for the length of a `with` block. Making it takes about a second; see `prepare`.

    `version` is the embedded Postgres, 16 or 18.
    """

    def __init__(self, migrations: Path, version: int = 18) -> None:
        self._migrations = migrations
        self._folder = Path(tempfile.mkdtemp(prefix="clarivum-check-"))
        self._server = EmbeddedServer(self._folder, version, options=OPTIONS)

    def prepare(self) -> None:
        """Start the server and apply baseline and migrations. Raises what `push` raises; then nothing is usable."""
        self._server.start()
        self._run(f"create database {MIGRATED}")
        provision(self.admin_url)
        provision_login(self.admin_url, self._server.app_password)
        push(self.admin_url, self._migrations)

    @property
    def admin_url(self) -> str:
        """A superuser's, in the migrated database."""
        return self._server.admin_url(MIGRATED)

    @property
    def app_url(self) -> str:
        """The login that serves requests, in the migrated database."""
        return self._server.app_url(MIGRATED)

    def read_catalog(self) -> Catalog:
        """What the migrated database holds."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            return read_catalog(connection)

    def read_objects(self) -> Objects:
        """What it holds beside tables."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            return read_objects(connection)

    def describe(self, statements: Iterable[str], catalog: Catalog) -> list[Description]:
        """What each statement (`$n` for its parameters) returns."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            describer = Describer(connection, catalog)
            return [describer.describe(sql) for sql in statements]

    def copy_for_planning(self) -> str:
        """A superuser's URL of a fresh copy, to be inflated. Nobody may be connected to the migrated database."""
        self._run(f"create database {PLANNING} template {MIGRATED} strategy file_copy")
        return self._server.admin_url(PLANNING)

    def close(self) -> None:
        """Stop the server and delete everything."""
        if self._server.running:
            self._server.stop(immediate=True)
        self._server.destroy()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._server.admin_url(), autocommit=True) as connection:
            connection.execute(statement.encode())
