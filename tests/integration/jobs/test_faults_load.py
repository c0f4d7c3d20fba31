"""Much at once: ten thousand failures, one message for sixteen workers, a queue full of dead rows."""

import time
from contextlib import AsyncExitStack

from clarivum.jobs.backoff import Backoff
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import Act, Quick, act, quick

FAILURES = 10_000
FAILED = 1_000
DEAD_ROWS = 1_000_000


async def test_ten_thousand_failures_are_spread_out_and_leave_other_queues_their_latency(drill: Drill) -> None:
    backoff = Backoff(base_s=300.0)
    drill.rows(
        "select count(*) from pgmq.send_batch('drill_act', (select array_agg(jsonb_build_object("
        "'key', 'k' || number, 'do', 'fail')) from generate_series(1, %s) as number))",
        FAILURES,
    )
    took_s = []
    async with drill.working(act, quick, concurrency=8, backoff=backoff):
        await drill.eventually(lambda: _failed(drill) > 50, "failures are coming in")
        for number in range(20):
            began = time.monotonic()
            await drill.enqueue(Quick(key=f"q{number}"))
            await drill.eventually(lambda number=number: drill.effects(f"q{number}"), "the other queue is served")
            took_s.append(time.monotonic() - began)
        assert _failed(drill) < FAILURES, "failures still come in"
        await drill.eventually(lambda: _failed(drill) >= FAILED, "enough have failed", 60)
    assert sorted(took_s)[len(took_s) // 2] < 0.5, took_s
    assert max(took_s) < 2, took_s
    [waits] = drill.rows(
        "select count(*), min(wait_s), max(wait_s), stddev(wait_s), count(distinct round(wait_s)) as distinct_s from ("
        " select extract(epoch from claimable_at - (history -> 0 ->> 'at')::timestamptz)::float as wait_s"
        " from clarivum.job_runs where job = 'drill.act' and state = 'waiting' and attempt = 1) as waiting"
    )
    assert waits["count"] >= FAILED * 0.9, "who drew a short wait has failed a second time by now"
    assert waits["min"] >= 0
    assert waits["max"] <= backoff.base_s + 2, "never above the ceiling of the first attempt"
    assert 0.2 * backoff.base_s < waits["stddev"] < 0.4 * backoff.base_s, "uniform: base / √12"
    assert waits["distinct_s"] > 250, "no second gets them all back"


async def test_sixteen_workers_have_one_effect_of_a_hundred_messages(drill: Drill) -> None:
    for _ in range(100):
        drill.send_raw(quick, '{"key": "same"}')
    async with AsyncExitStack() as stack:
        for _ in range(16):
            await stack.enter_async_context(drill.working(quick, concurrency=1))
        await drill.eventually(lambda: drill.depth(quick) == 0, "all were acknowledged")
        await drill.eventually(lambda: (drill.run("same") or {})["replays"] == 99, "all replays are counted")
    assert len(drill.effects()) == 1
    run = drill.run("same") or {}
    assert (run["state"], run["attempt"], run["history"]) == ("done", 1, [])


async def test_a_million_dead_rows_under_an_old_snapshot_raise_an_alarm(drill: Drill) -> None:
    with drill.admin() as holder:
        holder.execute("begin isolation level repeatable read")
        holder.execute("select 1 from pg_class limit 1")
        drill.rows(
            "with sent as (insert into pgmq.q_drill_quick (vt, message) select clock_timestamp(), '{}'"
            " from generate_series(1, %s) returning 1) select count(*) from sent",
            DEAD_ROWS,
        )
        drill.rows("with gone as (delete from pgmq.q_drill_quick returning 1) select count(*) from gone")
        worker = drill.start(quick)
        drill.until(lambda: "slow to read" in worker.log(), "the worker complains")
        await drill.enqueue(Quick(key="a"))
        drill.until(lambda: drill.state("a") == "done", "and works on")


def test_the_state_of_a_queue_does_not_read_a_large_ledger(drill: Drill) -> None:
    """Workers ask every fifteen seconds; a run is looked up for each hidden message, and no other."""
    drill.rows(
        "with runs as (insert into clarivum.job_runs"
        " (run_id, enqueued_at, finished_at, attempt, state, job, key, message_id)"
        " select gen_random_uuid(), now(), now(), 1, 'done', 'drill.quick', number::text, number::text"
        " from generate_series(1, 20000) as number returning run_id),"
        " sent as (insert into pgmq.q_drill_quick (vt, message, headers) select now() + interval '1 hour', '{}',"
        " jsonb_build_object('run_id', run_id) from runs limit 2000 returning 1) select count(*) from sent"
    )
    drill.rows(
        "update clarivum.job_runs set finished_at = null, state = 'running', lease_token = gen_random_uuid(),"
        " claimable_at = now() where run_id = (select run_id from clarivum.job_runs where run_id = any (select"
        " (headers ->> 'run_id')::uuid from pgmq.q_drill_quick) limit 1) returning 1"
    )
    with drill.admin() as connection:
        connection.execute("analyze clarivum.job_runs, pgmq.q_drill_quick")
        connection.execute("begin")
        status = connection.execute("select * from clarivum.queue_status('drill_quick')").fetchone() or {}
        read = connection.execute(
            "select seq_tup_read, idx_scan from pg_stat_xact_user_tables where relname = 'job_runs'"
        ).fetchone()
    assert (status["depth"], status["ready"], status["running"], status["waiting"]) == (2_000, 0, 1, 0)
    assert read == {"seq_tup_read": 0, "idx_scan": 2_000}


async def test_a_retry_is_never_later_than_the_cap(drill: Drill) -> None:
    """However high the exponential climbs."""
    await drill.enqueue(*(Act(key=f"k{number}", do="fail") for number in range(200)))
    async with drill.working(act, concurrency=8, backoff=Backoff(base_s=1e9)):
        await drill.eventually(lambda: _failed(drill) == 200, "all have failed once")
        await drill.eventually(lambda: _hidden(drill) == 200, "all are hidden until they are due")
    [row] = drill.rows("select max(extract(epoch from vt - clock_timestamp()))::float as most from pgmq.q_drill_act")
    assert 800 < row["most"] <= 901


def _failed(drill: Drill) -> int:
    query = "select count(*) from clarivum.job_runs where job = 'drill.act' and history <> '[]'"
    return int(drill.rows(query)[0]["count"])


def _hidden(drill: Drill) -> int:
    query = "select count(*) from pgmq.q_drill_act where vt > clock_timestamp()"
    return int(drill.rows(query)[0]["count"])
