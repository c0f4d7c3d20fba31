"""A throwaway server with the application's migrations applied, and a copy of that database for planning."""

from collections.abc import Callable, Iterable
from pathlib import Path

import psycopg

from clarivum.database.migrations.push import Progress
from clarivum.database.planning.catalog import Catalog
from clarivum.database.planning.catalog_reading import read_catalog
from clarivum.database.planning.describe import Describer, Description
from clarivum.database.planning.objects import Objects, read_objects
from clarivum.database.server.scratch import ScratchServer

MIGRATED = "clarivum_migrated"
PLANNING = "clarivum_planning"


class Scratch:
    """One server for the length of a `with` block. Making it takes about a second; see `prepare`.

    `version` is the embedded Postgres, 16 or 18.
    """

    def __init__(self, migrations: Path, version: int = 18) -> None:
        self._migrations = migrations
        self._server = ScratchServer(version)

    def prepare(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        """Start the server and apply baseline and migrations. Raises what `push` raises; then nothing is usable."""
        self._server.start()
        self._server.migrated(MIGRATED, self._migrations, on_progress)

    @property
    def admin_url(self) -> str:
        """A superuser's, in the migrated database."""
        return self._server.url(MIGRATED)

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
        return self._server.copy(PLANNING, MIGRATED)

    def close(self) -> None:
        """Stop the server and delete everything."""
        self._server.close()

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
