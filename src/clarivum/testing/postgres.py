"""Databases for tests: a real server per run, a migrated template, and a fresh copy of it for each test."""

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from clarivum.database.migrations.push import push
from clarivum.database.provision import provision, provision_login
from clarivum.database.server.binaries import VERSIONS
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.errors import RefusedError

TEMPLATE = "clarivum_template"
# The test server's files are thrown away; a crash of the machine is the only thing that fsync would protect them from.
TEST_OPTIONS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_wal_size": "256MB"}
MEMORY = Path("/dev/shm")  # noqa: S108  mkdtemp makes a directory of our own in it
ROOM_BYTES = 2 * 1024**3
PREFIX = "clarivum-test-"
LEFT_BEHIND_S = 600.0


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """A fresh, migrated database. `admin`: superuser. `app`: the login that serves requests, clarivum_api."""

    name: str
    admin: str
    app: str
    server: EmbeddedServer


class ServersForTests:
    """Embedded servers of one test run, started when first asked for, one per major version."""

    def __init__(self, migrations: Path) -> None:
        self._migrations = migrations
        place = scratch_place()
        sweep(place)
        self._data = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        self._data.chmod(0o711)  # root runs Postgres as another account; what lies inside is closed by itself
        self._servers: dict[int, EmbeddedServer] = {}
        self._numbers = itertools.count(1)
        self._migrated: set[int] = set()

    def server(self, version: int = 18) -> EmbeddedServer:
        """A running server with baseline and login; its `postgres` database holds no migrations."""
        server = self._servers.get(version)
        if server is None:
            server = self._servers[version] = EmbeddedServer(self._data, version, options=TEST_OPTIONS)
            server.start()
            provision(server.admin_url())
            provision_login(server.admin_url(), server.app_password)
        elif not server.running:
            server.start()
        return server

    @contextmanager
    def database(self, version: int = 18, *, migrated: bool = True) -> Iterator[DatabaseUrls]:
        """A database of its own, dropped afterwards with whatever is still connected."""
        server = self.server(version)
        if migrated:
            self._make_template(server)
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        template = TEMPLATE if migrated else "template1"
        _create(server, name, template)
        try:
            yield DatabaseUrls(name, server.admin_url(name), server.app_url(name), server)
        finally:
            if server.running:
                _execute(server, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def close(self) -> None:
        for server in self._servers.values():
            server.destroy()
        shutil.rmtree(self._data, ignore_errors=True)

    def _make_template(self, server: EmbeddedServer) -> None:
        if server.version in self._migrated:
            return
        _create(server, TEMPLATE, "template1")
        provision(server.admin_url(TEMPLATE))
        push(server.admin_url(TEMPLATE), self._migrations)
        self._migrated.add(server.version)


def sweep(place: Path) -> None:
    """Remove what runs that were killed left behind; a server that somebody owns is refused, so it stays."""
    for data in place.glob(f"{PREFIX}*"):
        with suppress(OSError, RefusedError):
            if time.time() - data.stat().st_mtime < LEFT_BEHIND_S:
                continue
            for version in VERSIONS:
                EmbeddedServer(data, version).destroy()
            shutil.rmtree(data, ignore_errors=True)


def scratch_place() -> Path:
    """Where test data goes: memory if it has room (copies a database in 9 ms, a disk in 20 to 400), else TMPDIR."""
    with suppress(OSError):
        if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
            return MEMORY
    return Path(tempfile.gettempdir())


def _create(server: EmbeddedServer, name: str, template: str) -> None:
    """Copying files beats copying through the log: a test database is made once and read little."""
    _execute(
        server,
        sql.SQL("create database {} template {} strategy file_copy").format(
            sql.Identifier(name), sql.Identifier(template)
        ),
    )


def _execute(server: EmbeddedServer, statement: sql.Composed) -> None:
    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        connection.execute(statement)
