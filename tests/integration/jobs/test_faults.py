"""What workers must survive: killed, frozen, stopped; leases that end; databases that restart."""

import asyncio
import signal
import subprocess
import sys
import time
from typing import Any

import psycopg

from clarivum.database import parse_queries
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.jobs import Job, Payload, Run, job
from clarivum.jobs.transports.queues import ensure_queues
from tests.integration.jobs.conftest import ROOT, Drill
from tests.integration.jobs.drill_jobs import Act, Bulk, Fragile, Quick, Slow, act, fragile, quick, slow

QUERIES = parse_queries(
    "-- name: idle_limit -> one\nselect current_setting('idle_in_transaction_session_timeout') as idle_limit", __file__
)


async def test_killed_before_the_effect_runs_again(drill: Drill) -> None:
    await drill.enqueue(Act(key="a", do="kill", up_to_attempt=1))
    first = drill.start(act, visibility_s=1)
    assert first.wait() == -signal.SIGKILL
    assert drill.effects() == []
    assert drill.run("a")["state"] == "running"
    drill.start(act, visibility_s=1)
    drill.until(lambda: drill.state("a") == "done", "the second worker took over")
    assert [effect["attempt"] for effect in drill.effects()] == [2]
    history = drill.run("a")["history"]
    assert [(entry["attempt"], entry["error"]) for entry in history] == [(1, "AttemptLost")]


async def test_killed_after_the_commit_has_one_effect(drill: Drill) -> None:
    await drill.enqueue(Act(key="a", do="kill_after_commit"))
    first = drill.start(act, visibility_s=1)
    assert first.wait() == -signal.SIGKILL
    assert drill.state("a") == "done"
    assert drill.depth(act) == 1, "the acknowledgement never happened"
    drill.start(act, visibility_s=1)
    drill.until(lambda: drill.depth(act) == 0, "the ledger answered for the second delivery")
    assert len(drill.effects()) == 1
    assert drill.run("a")["replays"] == 1


PRODUCER = """
import asyncio, sys
from clarivum.database import ANONYMOUS, Database
from clarivum.jobs import outbox
from tests.integration.jobs.drill_jobs import JOBS, QUERIES, Quick

async def main():
    async with Database(sys.argv[1], pipelines=1, connections=1) as database:
        database.outbox = outbox(JOBS)
        async with database.session(ANONYMOUS).transaction() as tx:
            await tx.enqueue(Quick(key="lost"))
            await tx.execute(QUERIES.add_effect, job="producer", key="lost", attempt=0, pid=0, trace_id=None)
            print("between", flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


def test_producer_killed_between_enqueue_and_commit_leaves_neither(drill: Drill) -> None:
    producer = subprocess.Popen(
        [sys.executable, "-c", PRODUCER, drill.urls.app], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert producer.stdout is not None
    assert producer.stdout.readline() == "between\n"
    producer.kill()
    producer.wait()
    drill.until(lambda: not _busy(drill), "its session is gone")
    assert drill.depth(quick) == 0
    assert drill.effects() == []


async def test_a_run_that_outlives_its_lease_is_fenced(drill: Drill) -> None:
    """Without heartbeats a handler of three leases is overtaken, and its commit is refused."""
    await drill.enqueue(Slow(key="a", do="sleep_then_effect", up_to_attempt=1, seconds=3))
    first = drill.start(slow, visibility_s=1, heartbeat=False)
    drill.until(lambda: drill.noted("a"), "the first attempt has begun")
    second = drill.start(slow, visibility_s=1, heartbeat=False)
    drill.until(lambda: drill.state("a") == "done", "the run is finished")
    drill.until(
        lambda: "outlived its lease" in first.log() + second.log(), "the first attempt noticed that its lease was lost"
    )
    assert [effect["attempt"] for effect in drill.effects()] == [2]


async def test_heartbeats_keep_a_long_run_leased(drill: Drill) -> None:
    await drill.enqueue(Slow(key="a", do="sleep_then_effect", seconds=3))
    drill.start(slow, visibility_s=1)
    drill.start(slow, visibility_s=1)
    drill.until(lambda: drill.state("a") == "done", "the run is finished")
    assert [effect["attempt"] for effect in drill.effects()] == [1]


async def test_a_frozen_worker_loses(drill: Drill) -> None:
    await drill.enqueue(Slow(key="a", do="sleep_then_effect", up_to_attempt=1, seconds=0.2))
    frozen = drill.start(slow, visibility_s=1)
    drill.until(lambda: drill.noted("a"), "the attempt has begun")
    frozen.send(signal.SIGSTOP)
    thaw_at = time.monotonic() + 2 * 1
    drill.start(slow, visibility_s=1)
    drill.until(lambda: drill.state("a") == "done", "another worker finished the run")
    assert [effect["attempt"] for effect in drill.effects()] == [2]
    drill.until(lambda: time.monotonic() > thaw_at, "two leases are over")
    frozen.send(signal.SIGCONT)
    drill.until(lambda: "lease" in frozen.log(), "the stale attempt learned that its lease was lost")
    assert [effect["attempt"] for effect in drill.effects()] == [2]


async def test_a_worker_that_froze_over_a_lock_holds_it_no_longer_than_its_lease(drill: Drill) -> None:
    """The next attempt wants the same lock, and gets it: it is not tried in vain until it is a dead letter."""
    drill.start(act, visibility_s=7)
    await drill.enqueue(Act(key="a", do="lock_then_freeze"))
    drill.until(lambda: drill.rows("select 1 from pg_locks where locktype = 'advisory' and granted"), "it has the lock")
    drill.start(act, visibility_s=7)
    drill.until(lambda: drill.state("a") in {"done", "dead"}, "it has ended")
    assert (drill.state("a"), [effect["attempt"] for effect in drill.effects()]) == ("done", [2])


async def test_a_transaction_may_stand_idle_as_long_as_its_handler_may_run_and_little_longer(drill: Drill) -> None:
    found: dict[str, list[str]] = {"quick": [], "long": [], "bulk": []}

    def declared(payload: type[Payload], name: str, **options: Any) -> Job[Any]:
        async def handler(payload: Payload, run: Run) -> None:
            found[name].append((await run.transaction.one(QUERIES.idle_limit))["idle_limit"])

        return job(payload, name=f"drill.{name}", key="key", **options)(handler)

    jobs = [declared(Quick, "quick"), declared(Slow, "long", timeout_s=200), declared(Bulk, "bulk", batch=20)]
    drill.jobs = jobs
    ensure_queues(drill.urls.admin, jobs)
    await drill.enqueue(Quick(key="a"), Slow(key="b"), Bulk(key="c"))
    async with drill.working(*jobs):
        await drill.eventually(lambda: all(drill.state(key) == "done" for key in "abc"), "all ran")
    assert found == {"quick": ["15s"], "long": ["205s"], "bulk": ["1min"]}


async def test_a_payload_that_kills_its_process_is_buried_and_its_neighbours_are_not(drill: Drill) -> None:
    await drill.enqueue(*(Fragile(key=f"n{number}") for number in range(3)), Fragile(key="killer", do="kill"))
    await drill.enqueue(*(Fragile(key=f"m{number}") for number in range(3)))
    crashes = 0
    while drill.state("killer") != "dead":
        worker = drill.start(fragile, visibility_s=1, concurrency=8)
        drill.until(
            lambda worker=worker: worker.process.poll() is not None or drill.state("killer") == "dead",
            "the killer struck or was buried",
        )
        crashes += worker.process.poll() is not None
    assert crashes == fragile.attempts
    [letter] = drill.letters()
    assert (letter["key"], letter["error"], letter["attempts"]) == ("killer", "AttemptLost", 2)
    neighbours = {f"{row}{number}" for row in "nm" for number in range(3)}
    drill.until(lambda: {effect["key"] for effect in drill.effects()} == neighbours, "the neighbours are done")
    assert len(drill.effects()) == len(neighbours)


async def test_sigterm_drains_and_hands_back(drill: Drill) -> None:
    await drill.enqueue(
        Slow(key="short", do="sleep_then_effect", seconds=0.5), Slow(key="long", do="sleep_then_effect", seconds=25)
    )
    worker = drill.start(slow, grace_s=1.5)
    drill.until(lambda: drill.noted("short") and drill.noted("long"), "both have begun")
    began = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0, worker.log()
    assert time.monotonic() - began < 6
    assert drill.state("short") == "done"
    long = drill.run("long")
    assert (long["state"], long["attempt"], long["lease_token"]) == ("waiting", 0, None)
    [message] = drill.rows("select vt <= clock_timestamp() as visible from pgmq.q_drill_slow")
    assert message["visible"], "another worker can have it at once"


async def test_database_restart_under_load_loses_nothing(drill: Drill, postgres_server: EmbeddedServer) -> None:
    keys = [f"k{number}" for number in range(400)]
    await drill.enqueue(*(Quick(key=key) for key in keys[:200]))
    drill.start(quick, visibility_s=2, concurrency=2)
    drill.until(lambda: len(drill.effects()) > 20, "work is under way")
    await asyncio.to_thread(postgres_server.restart, immediate=True)
    restarted = time.monotonic()
    drill.until(lambda: _answers(drill), "the database is back")
    before = len(drill.effects())
    await drill.enqueue(*(Quick(key=key) for key in keys[200:]))
    drill.until(lambda: len(drill.effects()) > before, "the worker works again", 10)
    assert time.monotonic() - restarted < 10
    drill.until(lambda: drill.depth(quick) == 0, "everything is done", 30)
    assert sorted(effect["key"] for effect in drill.effects()) == sorted(keys)
    assert {row["state"] for row in drill.rows("select distinct state from clarivum.job_runs")} == {"done"}


def _busy(drill: Drill) -> bool:
    return bool(
        drill.rows(
            "select 1 from pg_stat_activity where datname = %s and usename = 'clarivum_api' and state like 'idle in%%'",
            drill.urls.name,
        )
    )


def _answers(drill: Drill) -> bool:
    try:
        return bool(drill.rows("select 1"))
    except psycopg.OperationalError:
        return False
