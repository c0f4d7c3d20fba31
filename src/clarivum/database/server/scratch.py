"""A server for the length of a command: made in a temporary folder, thrown away afterwards.

Always one of its own, also when `up` runs: roles belong to a whole server, and a migration under test may make some.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from clarivum.database.migrations.push import Progress, push
from clarivum.database.provision import provision, provision_login
from clarivum.database.server.embedded import EmbeddedServer

# Nothing here outlives the command: durability would only cost time. Autovacuum would read files that are inflated.
OPTIONS = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
}
BASELINE = "clarivum_baseline"


class ScratchServer:
    """Databases for comparisons. `version` is the embedded Postgres, 16 or 18. Starting takes about a second."""

    def __init__(self, version: int = 18) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="clarivum-scratch-"))
        self._server = EmbeddedServer(self._folder, version, options=OPTIONS)

    def __enter__(self) -> "ScratchServer":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server and make the baseline."""
        self._server.start()
        self._create(BASELINE, "template1")
        provision(self.url(BASELINE))
        provision_login(self.url(BASELINE), self._server.app_password)

    def url(self, database: str) -> str:
        """A superuser's."""
        return self._server.admin_url(database)

    def app_url(self, database: str) -> str:
        """The login's that serves requests."""
        return self._server.app_url(database)

    def migrated(self, database: str, migrations: Path, on_progress: Callable[[Progress], None] | None = None) -> str:
        """Make a database with the baseline and a folder's migrations; its URL. Raises what `push` raises."""
        self._create(database, BASELINE)
        push(self.url(database), migrations, on_progress=on_progress)
        return self.url(database)

    def copy(self, database: str, source: str) -> str:
        """Make a copy of a database that nobody is connected to; its URL."""
        self._create(database, source)
        return self.url(database)

    def close(self) -> None:
        """Stop the server and delete everything."""
        if self._server.running:
            self._server.stop(immediate=True)
        self._server.destroy()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _create(self, database: str, template: str) -> None:
        with psycopg.connect(self._server.admin_url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(database), sql.Identifier(template)
                )
            )
