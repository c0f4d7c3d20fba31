"""One effect for each key: duplicates, several workers, rolled-back producers, both kinds of transaction."""

import contextlib
import json
from typing import Any

import pytest

from clarivum.database import ANONYMOUS, Context, Database
from clarivum.errors import RequestError
from clarivum.jobs import PayloadError, outbox
from clarivum.jobs.message import run_id_of
from clarivum.jobs.outbox import MAX_DELAY_S
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import JOBS, Bulk, Quick, bulk, quick

MEMBER = Context("authenticated", json.dumps({"sub": "auth0|alice", "role": "authenticated"}), 8_000)


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_enqueue_and_run(drill: Drill) -> None:
    [run_id] = await drill.enqueue(Quick(key="a"))
    assert run_id == run_id_of("drill.quick", "a")
    async with drill.working(quick):
        await drill.eventually(lambda: drill.state("a") == "done" and drill.depth(quick) == 0, "it ran")
    run = drill.run("a")
    assert (run["run_id"], run["attempt"], run["replays"], run["history"]) == (run_id, 1, 0, [])
    assert run["enqueued_at"] <= run["started_at"] <= run["finished_at"]


async def test_the_same_message_a_hundred_times(drill: Drill) -> None:
    for _ in range(100):
        drill.send_raw(quick, '{"key": "same"}')
    workers = [drill.start(quick, concurrency=4) for _ in range(4)]
    drill.until(lambda: drill.depth(quick) == 0, "all were acknowledged")
    assert len(drill.effects()) == 1
    assert drill.run("same")["replays"] == 99
    assert all(worker.process.poll() is None for worker in workers)


async def test_batches_with_duplicates(drill: Drill) -> None:
    await drill.enqueue(*(Bulk(key=f"k{number % 40}") for number in range(120)))
    async with drill.working(bulk), drill.working(bulk):
        await drill.eventually(lambda: drill.depth(bulk) == 0, "the queue is empty")
    assert sorted(effect["key"] for effect in drill.effects()) == sorted(f"k{number}" for number in range(40))
    assert drill.rows("select sum(replays) from clarivum.job_runs")[0]["sum"] == 80


async def test_an_enqueue_that_is_rolled_back_leaves_nothing(drill: Drill) -> None:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        database.outbox = outbox(JOBS)
        with contextlib.suppress(RuntimeError):
            async with database.session(ANONYMOUS).transaction() as tx:
                await tx.enqueue(Quick(key="a"))
                raise RuntimeError("changed my mind")
    assert drill.depth(quick) == 0


@pytest.mark.parametrize("context", [ANONYMOUS, MEMBER], ids=["visitor", "member"])
async def test_anyone_who_may_write_may_enqueue_and_nobody_may_touch_the_queue(drill: Drill, context: Context) -> None:
    """The outbox sends under the worker's role; the caller's own role reaches neither queue nor ledger."""
    from clarivum.database import parse_queries

    await drill.enqueue(Quick(key="a"), context=context)
    assert drill.depth(quick) == 1
    forbidden = parse_queries(
        """
-- name: read_queue -> many
select * from pgmq.q_drill_quick;
-- name: read_ledger -> many
select * from clarivum.job_runs;
-- name: read_letters -> many
select * from clarivum.dead_letters;
-- name: send -> many, writes
select pgmq.send('drill_quick', '{}'::jsonb);
-- name: finish -> many, writes
select clarivum.finish_run(gen_random_uuid(), gen_random_uuid());
""",
        __file__,
    )
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        for query in forbidden:
            with pytest.raises(RequestError) as refused:
                await database.session(context).many(query)
            assert refused.value.code.status in {401, 403}, query.name


async def test_a_payload_that_does_not_fit_is_not_stored(drill: Drill) -> None:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        box = outbox(JOBS)
        for bad, pointer in (
            (Quick.model_construct(key=7), "/key"),
            (Quick.model_construct(key="a\0b"), "/key"),
            (Quick.model_construct(key="k" * 300_000), ""),
            (Quick.model_construct(key=""), "/key"),
            (Quick.model_construct(), "/key"),
        ):
            with pytest.raises(PayloadError) as refused:
                async with database.session(ANONYMOUS).transaction() as tx:
                    box.put(tx, bad)
            assert [violation.pointer for violation in refused.value.violations] == [pointer]
        with pytest.raises(PayloadError, match="payload of no job"):
            async with database.session(ANONYMOUS).transaction() as tx:
                box.put(tx, object())
    assert drill.depth(quick) == 0


async def test_a_delayed_job_waits(drill: Drill) -> None:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        box = outbox(JOBS)
        async with database.session(ANONYMOUS).transaction() as tx:
            box.put(tx, Quick(key="later"), delay_s=600)
            box.put(tx, Quick(key="much later"), delay_s=MAX_DELAY_S)
        database.outbox = box
        async with database.session(ANONYMOUS).transaction() as tx:
            await tx.enqueue(Quick(key="soon"), delay_s=1)
    async with drill.working(quick):
        await drill.eventually(lambda: drill.state("soon") == "done", "its second is over")
    run = drill.run("soon")
    assert (run["started_at"] - run["enqueued_at"]).total_seconds() >= 0.9
    assert drill.run("later") is drill.run("much later") is None


@pytest.mark.parametrize("delay_s", [-1, MAX_DELAY_S + 1, 1.5, True, "60"])
async def test_a_delay_that_is_none_is_refused(drill: Drill, delay_s: Any) -> None:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        with pytest.raises(PayloadError, match="delay_s must be a whole number"):
            async with database.session(ANONYMOUS).transaction() as tx:
                outbox(JOBS).put(tx, Quick(key="a"), delay_s=delay_s)
    assert drill.depth(quick) == 0


async def test_one_trace_from_the_producer_to_the_handler(drill: Drill) -> None:
    from clarivum.telemetry import span

    with span("the request") as request:
        await drill.enqueue(Quick(key="a"))
        trace_id = f"{request.trace_id:032x}"
    async with drill.working(quick):
        await drill.eventually(lambda: drill.effects("a"), "it ran")
    assert drill.effects("a")[0]["trace_id"] == trace_id
