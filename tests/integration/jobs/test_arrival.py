"""A worker that starts while its database is away, or where it is not let in."""

import asyncio
import signal

import psycopg
import pytest

from clarivum.database import Database
from clarivum.errors import ConfigurationError
from clarivum.jobs.worker.arrival import open_when_there
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import Quick, quick
from tests.integration.jobs.flaky_proxy import FlakyProxy

WAITS = "waits for the database"


@pytest.fixture
def drill(drill_through_proxy: Drill) -> Drill:
    return drill_through_proxy


async def test_a_worker_waits_for_a_database_that_is_away(
    drill: Drill, proxy: FlakyProxy, database_urls: DatabaseUrls
) -> None:
    await Drill(database_urls, drill.notes).enqueue(Quick(key="a"))
    proxy.cut()
    worker = drill.start(quick, says=WAITS)
    proxy.mend()
    await drill.eventually(lambda: drill.state("a") == "done", "it works")
    assert worker.log().count(WAITS) == 1


def test_a_worker_that_waits_for_its_database_ends_at_once(drill: Drill, proxy: FlakyProxy) -> None:
    proxy.cut()
    worker = drill.start(quick, says=WAITS)
    worker.send(signal.SIGTERM)
    assert worker.wait(2) == 0, worker.log()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"user": "nobody"}, "password authentication failed"),
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
async def test_a_worker_does_not_wait_where_it_is_not_let_in(
    database_urls: DatabaseUrls, change: dict[str, str], said: str
) -> None:
    url = psycopg.conninfo.make_conninfo(database_urls.server.app_url(database_urls.name, tcp=True), **change)
    with pytest.raises(ConfigurationError, match=f"DATABASE_URL: the database refuses the connection: {said}"):
        await open_when_there(Database(url, pipelines=1, connections=1), asyncio.Event())
