"""Fixtures of every test folder: a real Postgres, and a migrated database for the test alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from clarivum.database.server.embedded import EmbeddedServer
from clarivum.telemetry import instruments
from clarivum.testing.postgres import DatabaseUrls, ServersForTests

MIGRATIONS = Path(__file__).parent.parent / "supabase" / "migrations"

# A database of its own for each test makes more sets of attributes than any process of ours will ever have.
instruments.MAX_CELLS = 100_000

# How long an example takes is the machine's affair.
settings.register_profile("unhurried", parent=settings.default, deadline=None)
settings.load_profile("unhurried")

OF_REAL_PARTS = ("tests/integration/", "tests/acceptance/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of real processes that fails is run once more, and the run's last lines name it: a race to mend.

    Six thousand of them on a busy machine turn a run red by chance alone; a fault fails twice.
    """
    for item in items:
        if item.nodeid.startswith(OF_REAL_PARTS):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def postgres_servers() -> Iterator[ServersForTests]:
    """The servers of this run (of this xdist worker), started on first use: `postgres_servers.server(16)`."""
    servers = ServersForTests(MIGRATIONS)
    yield servers
    servers.close()


@pytest.fixture
def postgres_version() -> int:
    """18, unless the test says `@pytest.mark.parametrize("postgres_version", [16, 18])`."""
    return 18


@pytest.fixture
def postgres_server(postgres_servers: ServersForTests, postgres_version: int) -> EmbeddedServer:
    """A running server, shared by the run. A test that stops it starts it again."""
    return postgres_servers.server(postgres_version)


@pytest.fixture
def database_urls(postgres_servers: ServersForTests, postgres_version: int) -> Iterator[DatabaseUrls]:
    """A fresh database with baseline and all migrations: `.admin`, `.app`, `.name`, `.server`."""
    with postgres_servers.database(postgres_version) as urls:
        yield urls


@pytest.fixture
def empty_database_urls(postgres_servers: ServersForTests, postgres_version: int) -> Iterator[DatabaseUrls]:
    """A fresh database with nothing in it."""
    with postgres_servers.database(postgres_version, migrated=False) as urls:
        yield urls
