"""A database with schema.sql: one to be inflated, one to be filled."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clarivum.database.planning import Planner
from clarivum.testing.postgres import ServersForTests

SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")


FILL = """
    insert into public.events (subject, source, kind, email, created_at, deleted_at)
    select 'auth0|' || abs(hashint4(n)) % 2000, 'source ' || abs(hashint4(n + 1)) % 100,
        chr(97 + abs(hashint4(n + 2)) % 4), n || '@example.com', now() - make_interval(secs => n),
        case when abs(hashint4(n + 3)) % 20 = 0 then now() end
    from generate_series(1, 200000) as n"""


@pytest.fixture(scope="module", params=[16, 18])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def planner(version: int, postgres_servers: ServersForTests) -> Iterator[Planner]:
    """A planner over the inflated schema."""
    with postgres_servers.database(version) as urls:
        with psycopg.connect(urls.admin, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        with Planner(urls.admin) as planner:
            yield planner


@pytest.fixture(scope="module")
def filled(version: int, postgres_servers: ServersForTests) -> Iterator[psycopg.Connection]:
    """The same schema with the events that its comments declare."""
    with postgres_servers.database(version) as urls, psycopg.connect(urls.admin, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute(FILL.encode())
        connection.execute("vacuum (analyze) public.events")
        yield connection
