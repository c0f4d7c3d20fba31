"""Connections that are cut in the middle of transactions, on the producer's and on the worker's side."""

import asyncio

import pytest

from clarivum.database import ANONYMOUS, Database
from clarivum.errors import ClarivumError
from clarivum.jobs import outbox
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import JOBS, QUERIES, Bulk, Quick, bulk, quick
from tests.integration.jobs.flaky_proxy import ANSWER_LOST, REQUEST_LOST, FlakyProxy

SHARE = 0.05


@pytest.fixture
def drill(drill_through_proxy: Drill) -> Drill:
    return drill_through_proxy


async def test_workers_whose_connections_are_cut_lose_nothing(
    drill: Drill, proxy: FlakyProxy, database_urls: DatabaseUrls
) -> None:
    keys = [f"k{number}" for number in range(150)]
    workers = [drill.start(quick, bulk, visibility_s=1, concurrency=2) for _ in range(2)]
    proxy.share = SHARE
    around = Drill(database_urls, drill.notes)
    await around.enqueue(*(Quick(key=key) for key in keys[:110]), *(Bulk(key=key) for key in keys[110:]))
    await drill.eventually(lambda: len(drill.effects()) + len(drill.letters()) >= 130, "most is done while cut", 60)
    proxy.share = 0.0
    await drill.eventually(lambda: drill.depth(quick) == drill.depth(bulk) == 0, "the rest is done", 30)
    assert min(proxy.cuts[REQUEST_LOST], proxy.cuts[ANSWER_LOST]) >= 3, proxy.cuts
    letters = drill.letters()
    # Five attempts of a run may be cut uncounted; of `bulk`, who met more and has two, is a dead letter, not lost.
    assert {letter["job"] for letter in letters} <= {bulk.name}
    assert sorted(row["key"] for row in (*drill.effects(), *letters)) == sorted(keys)
    assert [worker.process.poll() for worker in workers] == [None, None], "the workers live on"


async def test_a_producer_whose_connection_is_cut_stores_both_or_neither(drill: Drill, proxy: FlakyProxy) -> None:
    """What was acknowledged is there; what was not is there with its message, or not at all."""
    told: list[str] = []
    refused = 0
    async with Database(drill.urls.app, pipelines=1, connections=2) as database:
        database.outbox = outbox(JOBS)
        proxy.share = 0.2
        for number in range(150):
            try:
                async with database.session(ANONYMOUS).transaction() as tx:
                    row = {"job": "producer", "key": f"k{number}", "attempt": 0, "pid": 0, "trace_id": None}
                    await tx.execute(QUERIES.add_effect, **row)
                    await tx.enqueue(Quick(key=f"k{number}"))
                told.append(f"k{number}")
            except ClarivumError:
                refused += 1
        proxy.share = 0.0
    assert min(proxy.cuts[REQUEST_LOST], proxy.cuts[ANSWER_LOST], refused, len(told)) >= 10, proxy.cuts
    await asyncio.to_thread(drill.until, lambda: not _open_sessions(drill), "the server noticed every cut")
    rows = sorted(effect["key"] for effect in drill.effects())
    messages = sorted(row["key"] for row in drill.rows("select message ->> 'key' as key from pgmq.q_drill_quick"))
    assert rows == messages
    assert set(told) <= set(rows)
    assert len(rows) == len(set(rows))


def _open_sessions(drill: Drill) -> bool:
    query = "select 1 from pg_stat_activity where datname = %s and usename = 'clarivum_api'"
    return bool(drill.rows(query, drill.urls.name))
