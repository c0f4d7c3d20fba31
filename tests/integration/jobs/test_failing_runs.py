"""Handlers that raise, hang, block; messages that cannot be read; dead letters and redrive."""

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from clarivum.database import Database, parse_queries
from clarivum.jobs import Run, job
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.inspect import DeadLetterFilter, dead_letters
from clarivum.jobs.redrive import redrive
from clarivum.jobs.worker.settlement import MOST_CUTS
from tests.integration.jobs.conftest import ROOT, Drill
from tests.integration.jobs.drill_jobs import Act, Bulk, Quick, act, bulk, quick, upgraded

APPLICATION = "tests.integration.jobs.drill_app:application"

QUERIES = parse_queries("-- name: backend -> one\nselect pg_backend_pid() as pid", __file__)


async def test_five_attempts_then_a_dead_letter(drill: Drill) -> None:
    [run_id, _] = await drill.enqueue(Act(key="bad", do="fail"), Act(key="good"))
    async with drill.working(act):
        await drill.eventually(lambda: drill.state("bad") == "dead" and drill.state("good") == "done", "both ended")
    [letter] = drill.letters()
    assert (letter["run_id"], letter["job"], letter["key"]) == (run_id, "drill.act", "bad")
    assert (letter["attempts"], letter["error"]) == (5, "LookupError")
    assert letter["payload"] == {"key": "bad", "do": "fail", "up_to_attempt": 1000, "seconds": 60.0}
    assert "somebody@example.com" not in letter["message"], "scrubbed"
    history = drill.run("bad")["history"]
    assert [entry["attempt"] for entry in history] == [1, 2, 3, 4, 5]
    assert {entry["error"] for entry in history} == {"LookupError"}
    assert [effect["key"] for effect in drill.effects()] == ["good"], "no effect of a failed attempt is kept"
    assert drill.depth(act) == 0


async def test_backoff_hides_the_message_until_the_run_is_due(drill: Drill) -> None:
    await drill.enqueue(Act(key="a", do="fail"))
    async with drill.working(act, backoff=Backoff(base_s=500, cap_s=900)):
        await drill.eventually(lambda: drill.state("a") == "waiting", "the first attempt failed")
    [row] = drill.rows(
        "select extract(epoch from m.vt - r.claimable_at)::float as later,"
        " m.vt <= clock_timestamp() + '500 s' as capped"
        " from pgmq.q_drill_act m cross join clarivum.job_runs r"
    )
    assert 0 <= row["later"] < 1, "the message is not seen before its run may be claimed"
    assert row["capped"]
    assert drill.run("a")["attempt"] == 1


async def test_a_handler_that_hangs_times_out_and_gives_its_place_back(drill: Drill) -> None:
    await drill.enqueue(Act(key="hung", do="sleep"))
    async with drill.working(act, quick, concurrency=1):
        await drill.eventually(lambda: drill.noted("hung") or drill.run("hung"), "it hangs")
        await drill.enqueue(Quick(key="next"))
        await drill.eventually(lambda: drill.effects("next"), "the next one got the place")
        await drill.eventually(lambda: drill.state("hung") == "dead", "it was given up")
    assert {entry["error"] for entry in drill.run("hung")["history"]} == {"AttemptTimeout"}


async def test_a_handler_that_blocks_the_loop_is_interrupted(drill: Drill) -> None:
    """An endless loop without an await: cancellation cannot reach it, the watchdog can."""
    await drill.enqueue(Act(key="spin", do="spin", up_to_attempt=1), Act(key="block", do="block", up_to_attempt=1))
    worker = drill.start(act, quick, concurrency=1)
    await drill.enqueue(Quick(key="next"))
    drill.until(lambda: drill.state("spin") == drill.state("block") == "done", "later attempts had their effect")
    drill.until(lambda: drill.effects("next"), "the place came back")
    assert worker.process.poll() is None, "the worker itself lives on"
    for key in ("spin", "block"):
        assert [entry["error"] for entry in drill.run(key)["history"]] == ["AttemptTimeout"]
    assert sorted(effect["attempt"] for effect in drill.effects() if effect["job"] == "drill.act") == [2, 2]


async def test_what_cannot_be_read_is_a_dead_letter_at_once(drill: Drill) -> None:
    drill.send_raw(quick, '{"key": 7}')
    drill.send_raw(quick, '{"key": "a", "unknown": true}')
    drill.send_raw(quick, '"not an object"')
    drill.send_raw(quick, None)
    drill.send_raw(quick, '{"key": ""}')
    drill.send_raw(quick, '{"key": "b"}', {"schema_version": "one"})
    drill.send_raw(quick, '{"key": "fine"}')
    async with drill.working(quick):
        await drill.eventually(lambda: len(drill.letters()) == 6 and drill.effects("fine"), "all were dealt with")
    assert {letter["error"] for letter in drill.letters()} == {"PayloadError"}
    assert {letter["attempts"] for letter in drill.letters()} == {0}
    assert any("/key" in letter["message"] for letter in drill.letters()), "the message names the path"
    assert drill.depth(quick) == 0


async def test_what_is_for_a_newer_worker_is_left_for_it(drill: Drill) -> None:
    key = "4b26c077-f3d7-4f8e-8965-cb7b5290a68f"
    drill.send_raw(upgraded, f'{{"key": "{key}", "new": 1}}', {"schema_version": "3"})
    drill.send_raw(upgraded, f'{{"key": "{key}"}}', {"job": "drill.renamed"})
    async with drill.working(upgraded):
        hidden = "select count(*) from pgmq.q_drill_upgraded where vt > clock_timestamp() + '30 s'"
        await drill.eventually(lambda: drill.rows(hidden)[0]["count"] == 2, "both were hidden")
    assert drill.run(key) is None, "no attempt was counted"
    assert drill.letters() == []


async def test_what_nobody_knows_for_long_is_looked_at_less_and_less_often(drill: Drill) -> None:
    drill.send_raw(upgraded, '{"key": "a"}', {"schema_version": "3"})
    drill.rows("update pgmq.q_drill_upgraded set read_ct = 9 returning 1")
    async with drill.working(upgraded):
        hidden = "select count(*) from pgmq.q_drill_upgraded where vt > clock_timestamp() + '590 s'"
        await drill.eventually(lambda: drill.rows(hidden)[0]["count"] == 1, "its tenth look is ten minutes away")


async def test_redriving_twice_does_nothing_the_second_time(drill: Drill) -> None:
    # fails on its first five attempts; a redrive begins to count anew, so it is let through by its payload
    [run_id] = await drill.enqueue(Act(key="a", do="fail"))
    async with drill.working(act):
        await drill.eventually(lambda: drill.state("a") == "dead", "it is dead")
    drill.rows('update clarivum.dead_letters set payload = payload || \'{"do": "effect"}\' returning 1')
    async with Database(drill.urls.app, pipelines=1, connections=4) as database:
        listed = await dead_letters(database, DeadLetterFilter(since=datetime.now(UTC) - timedelta(hours=1)))
        assert [letter.run_id for letter in listed] == [run_id]
        results = await asyncio.gather(*(redrive(database, act, [run_id]) for _ in range(4)))
        assert sorted(map(len, results)) == [0, 0, 0, 1], "also when all do it at once"
        assert await redrive(database, act, [run_id]) == []
    assert drill.depth(act) == 1
    async with drill.working(act):
        await drill.eventually(lambda: drill.state("a") == "done", "the redriven run is done")
    assert len(drill.effects("a")) == 1
    assert len(drill.run("a")["history"]) == 5, "what happened before is remembered"


async def test_the_command_redrives_once(drill: Drill) -> None:
    await drill.enqueue(*(Act(key=f"k{number}", do="give_up") for number in range(3)))
    async with drill.working(act):
        await drill.eventually(lambda: len(drill.letters()) == 3, "they are dead")

    def redriven() -> str:
        command = [
            sys.executable,
            "-m",
            "clarivum",
            "jobs",
            "redrive",
            "--job",
            "drill.act",
            "--application",
            APPLICATION,
        ]
        environ = {**os.environ, "DATABASE_URL": drill.urls.app}
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout

    assert [redriven().strip(), redriven().strip()] == ["3 sent again", "no dead letters"]
    assert drill.depth(act) == 3


async def test_one_bad_run_does_not_take_its_batch_along(drill: Drill) -> None:
    await drill.enqueue(*(Bulk(key=f"k{number}", fails=number == 7) for number in range(50)))
    async with drill.working(bulk):
        await drill.eventually(lambda: drill.state("k7") == "dead" and len(drill.effects()) == 49, "all ended")
        await drill.eventually(lambda: drill.depth(bulk) == 0, "the queue is empty")
    assert len({effect["key"] for effect in drill.effects()}) == 49
    [letter] = drill.letters()
    assert (letter["key"], letter["attempts"]) == ("k7", 2)


async def test_a_thousand_failures_leave_other_queues_their_latency(drill: Drill) -> None:
    await drill.enqueue(*(Act(key=f"k{number}", do="fail") for number in range(1_000)))
    async with drill.working(act, quick, concurrency=8):
        await drill.eventually(lambda: drill.run("k20"), "failures are coming in")
        began = time.monotonic()
        await drill.enqueue(Quick(key="quick"))
        await drill.eventually(lambda: drill.effects("quick"), "the other queue is served")
        took_s = time.monotonic() - began
        assert drill.rows("select count(*) from clarivum.dead_letters")[0]["count"] < 1_000, "failures still come in"
    assert took_s < 1.5


async def test_a_terminal_error_is_a_dead_letter_at_once(drill: Drill) -> None:
    await drill.enqueue(Act(key="closed", do="give_up"))
    async with drill.working(act):
        await drill.eventually(lambda: drill.state("closed") == "dead", "it is given up")
        await drill.eventually(lambda: drill.depth(act) == 0, "its message is gone")
    [letter] = drill.letters()
    assert (letter["attempts"], letter["error"], letter["message"]) == (1, "TerminalError", "the account was closed")


@pytest.mark.parametrize(("cuts", "calls"), [(3, 4), (99, MOST_CUTS + 2)], ids=["three times", "always"])
async def test_a_run_whose_connection_is_cut_is_forgiven_five_times(drill: Drill, cuts: int, calls: int) -> None:
    """What breaks its own connection each time is a dead letter nevertheless."""
    begun: list[int] = []

    @job(Quick, name="drill.quick", key="key", attempts=2)
    async def cut_off(payload: Quick, run: Run) -> None:
        begun.append(run.attempt)
        pid = (await run.transaction.one(QUERIES.backend))["pid"]
        if len(begun) <= cuts:
            drill.rows("select pg_terminate_backend(%s)", pid)
        await run.transaction.one(QUERIES.backend)

    drill.jobs = [cut_off]
    await drill.enqueue(Quick(key="a"))
    async with drill.working(cut_off):
        await drill.eventually(lambda: drill.state("a") in {"done", "dead"}, "it has ended")
    run = drill.run("a") or {}
    assert len(begun) == calls
    assert {entry["error"] for entry in run["history"]} == {"ConnectionLost"}
    assert (run["state"], run["attempt"]) == (("done", 1) if cuts == 3 else ("dead", 2))
