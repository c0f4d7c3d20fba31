"""Pause, resume, cancel and drain, on real workers and through the command line."""

import asyncio
import os
import signal
import subprocess
import sys
from uuid import UUID, uuid4

import pytest

from clarivum.database import Database
from clarivum.errors import Exit
from clarivum.jobs import control
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.control import Cancelled
from clarivum.jobs.message import run_id_of
from tests.integration.jobs.conftest import ROOT, Drill
from tests.integration.jobs.drill_jobs import JOBS, Act, Bulk, Quick, Slow, act, bulk, quick, slow

OVERDUE = "select 1 from clarivum.job_runs where state = 'running' and claimable_at <= clock_timestamp()"
BY_NAME = {job.name: job for job in JOBS}


async def cancel(drill: Drill, run_id: UUID) -> Cancelled:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        return await control.cancel(database, BY_NAME, run_id, reason="a test")


async def set_pause(drill: Drill, job: str, paused: bool) -> bool:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        if paused:
            return await control.pause(database, job, paused_by="a test", reason="to see")
        return await control.resume(database, job)


# -- pausing ----------------------------------------------------------------------------------------------------------
async def test_a_paused_job_is_not_begun_and_others_are(drill: Drill) -> None:
    assert await set_pause(drill, quick.name, True)
    assert not await set_pause(drill, quick.name, True), "it was paused already"
    await drill.enqueue(Quick(key="held"), Bulk(key="free"))
    async with drill.working(quick, bulk):
        await drill.eventually(lambda: drill.state("free") == "done", "the other job runs")
        assert drill.run("held") is None
        assert drill.depth(quick) == 1
        assert await set_pause(drill, quick.name, False)
        await drill.eventually(lambda: drill.state("held") == "done", "it goes on once resumed")
    assert not await set_pause(drill, quick.name, False), "it was not paused any more"


async def test_a_pause_reaches_a_worker_that_runs_and_hands_back_what_it_fetched_ahead(drill: Drill) -> None:
    await drill.enqueue(*(Slow(key=f"k{number}", do="sleep_then_effect", seconds=0.2) for number in range(30)))
    async with drill.working(slow, concurrency=2, control_s=0.05) as worker:
        await drill.eventually(drill.effects, "the first is done")
        await set_pause(drill, slow.name, True)
        await drill.eventually(lambda: worker.controls.holds(slow), "the worker knows")
        await drill.eventually(lambda: not worker.running(), "what ran has ended")
        done = len(drill.effects())
        assert done < 30
        ready = "select count(*) as messages from pgmq.q_drill_slow where vt <= clock_timestamp()"
        await drill.eventually(lambda: drill.rows(ready) == [{"messages": 30 - done}], "nothing is held back")
        await set_pause(drill, slow.name, False)
        await drill.eventually(lambda: len(drill.effects()) == 30, "all of it runs in the end")
    assert {run["attempt"] for run in drill.rows("select attempt from clarivum.job_runs")} == {1}


# -- cancelling -------------------------------------------------------------------------------------------------------
async def test_a_queued_run_is_cancelled_before_it_began(drill: Drill) -> None:
    [run_id] = await drill.enqueue(Quick(key="a"))
    assert await cancel(drill, run_id) is Cancelled.BEFORE_IT_BEGAN
    assert await cancel(drill, run_id) is Cancelled.TOO_LATE, "a second time changes nothing"
    assert drill.depth(quick) == 0
    await drill.enqueue(Quick(key="a"), Quick(key="b"))
    async with drill.working(quick):
        await drill.eventually(lambda: drill.depth(quick) == 0, "the queue is empty")
    assert [effect["key"] for effect in drill.effects()] == ["b"]
    assert drill.state("a") == "cancelled"


async def test_a_run_that_waits_for_another_attempt_is_cancelled(drill: Drill) -> None:
    [run_id] = await drill.enqueue(Act(key="a", do="fail"))
    async with drill.working(act, backoff=Backoff(base_s=600)):
        await drill.eventually(lambda: drill.state("a") == "waiting", "the first attempt failed")
    assert await cancel(drill, run_id) is Cancelled.WHILE_IT_WAITED
    async with drill.working(act):
        drill.rows("select pgmq.set_vt(%s, msg_id, 0) from pgmq.q_drill_act", act.queue)
        await drill.eventually(lambda: drill.depth(act) == 0, "its message is dropped")
    assert [entry["error"] for entry in drill.run("a")["history"]] == ["LookupError", "Cancelled"]


async def test_a_running_run_is_stopped_and_commits_nothing(drill: Drill) -> None:
    [run_id] = await drill.enqueue(Slow(key="a", do="sleep_then_effect", seconds=20))
    async with drill.working(slow, control_s=0.05) as worker:
        await drill.eventually(lambda: drill.state("a") == "running", "it runs")
        assert await cancel(drill, run_id) is Cancelled.WHILE_IT_RAN
        await drill.eventually(lambda: not worker.running(), "the handler is stopped", 5)
        await drill.eventually(lambda: drill.depth(slow) == 0, "its message is dropped")
    assert drill.effects() == []
    assert (drill.state("a"), drill.letters()) == ("cancelled", [])


async def test_cancelling_one_of_the_runs_of_a_lost_worker_leaves_the_others(drill: Drill) -> None:
    """They wait in a row behind the one that is tried, alone, by the worker that took over."""
    [run_id, *_] = await drill.enqueue(
        Slow(key="hangs", do="sleep_then_effect"),
        *(Slow(key=f"k{n}", do="sleep_then_effect", up_to_attempt=1) for n in range(3)),
    )
    lost = drill.start(slow, visibility_s=1, concurrency=4)
    drill.until(lambda: len(list(drill.notes.glob("*.1.*"))) == 4, "all have begun")
    lost.send(signal.SIGKILL)
    drill.until(lambda: len(drill.rows(OVERDUE)) == 4, "their leases are over")
    async with drill.working(slow, control_s=0.05, visibility_s=1):
        await drill.eventually(lambda: (drill.run("hangs") or {})["attempt"] == 2, "the first of the row hangs again")
        assert await cancel(drill, run_id) is Cancelled.WHILE_IT_RAN
        await drill.eventually(lambda: drill.depth(slow) == 0, "the row goes on")
    assert {effect["key"]: effect["attempt"] for effect in drill.effects()} == {"k0": 2, "k1": 2, "k2": 2}
    assert drill.state("hangs") == "cancelled"


async def test_a_handler_that_swallows_its_cancellation_holds_up_nobody_behind_it(drill: Drill) -> None:
    row = sorted((f"k{n}" for n in range(6)), key=lambda key: run_id_of(bulk.name, key))
    poison, hanging, *others = row
    await drill.enqueue(*(Bulk(key=k, fails=k == poison, seconds=8 * (k == hanging), stubborn=True) for k in row))
    async with drill.working(bulk, control_s=0.05):
        await drill.eventually(lambda: drill.state(hanging) == "running", "it hangs")
        assert await cancel(drill, run_id_of(bulk.name, hanging)) is Cancelled.WHILE_IT_RAN
        await drill.eventually(lambda: len(drill.effects()) == len(others), "the row goes on")
        await drill.eventually(lambda: drill.state(poison) == "dead", "the poison is given up")
    assert {effect["key"] for effect in drill.effects()} == set(others)
    assert drill.state(hanging) == "cancelled"


async def test_an_effect_that_comes_too_late_is_refused(drill: Drill) -> None:
    """With the worker not looking, the fence alone keeps the effect out."""
    [run_id] = await drill.enqueue(Slow(key="a", do="sleep_then_effect", seconds=0.5))
    async with drill.working(slow, control_s=60) as worker:
        await drill.eventually(lambda: drill.state("a") == "running", "it runs")
        assert await cancel(drill, run_id) is Cancelled.WHILE_IT_RAN
        await drill.eventually(lambda: not worker.running(), "it has ended")
    assert drill.effects() == []
    assert drill.state("a") == "cancelled"


async def test_a_key_can_be_cancelled_before_it_is_enqueued(drill: Drill) -> None:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        assert await control.cancel_key(database, quick, "a", reason="") is Cancelled.BEFORE_IT_BEGAN
    [run_id] = await drill.enqueue(Quick(key="a"))
    assert run_id == run_id_of(quick.name, "a")
    async with drill.working(quick):
        await drill.eventually(lambda: drill.depth(quick) == 0, "its message is dropped")
    assert drill.effects() == []


async def test_what_is_done_or_unknown_is_not_cancelled(drill: Drill) -> None:
    [run_id] = await drill.enqueue(Quick(key="a"))
    async with drill.working(quick):
        await drill.eventually(lambda: drill.state("a") == "done", "it is done")
    assert await cancel(drill, run_id) is Cancelled.TOO_LATE
    assert await cancel(drill, uuid4()) is Cancelled.UNKNOWN


# -- the command line -------------------------------------------------------------------------------------------------
def command(drill: Drill, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "clarivum", "jobs", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": drill.urls.app},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


DRILL_APP = ("--application", "tests.integration.jobs.drill_app:application")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cancel",), "name the run, or give --job and --key"),
        (("cancel", "--job", "drill.quick"), "name the run, or give --job and --key"),
        (("cancel", "x"), "is not a run's id"),
        (("pause", "drill.quik"), "did you mean drill.quick?"),
        (("pause", "drill.quick", "--reason", "x" * 501), "--reason has 501 characters"),
        (("drain", "drill.nothing"), "there is no job 'drill.nothing'"),
    ],
)
def test_words_that_are_off_are_answered(drill: Drill, arguments: tuple[str, ...], said: str) -> None:
    ended = command(drill, *arguments, *DRILL_APP)
    assert ended.returncode == Exit.USAGE
    assert said in ended.stderr


async def test_an_operator_pauses_drains_resumes_and_cancels(drill: Drill) -> None:
    paused = await asyncio.to_thread(command, drill, "pause", quick.name, "--reason", "the partner is down", *DRILL_APP)
    assert (paused.returncode, paused.stdout) == (
        0, "  drill.quick is paused; go on with: ./clarivum jobs resume drill.quick\n",
    )  # fmt: skip
    listed = await asyncio.to_thread(command, drill, "list", *DRILL_APP)
    assert "paused since" in next(line for line in listed.stdout.splitlines() if "drill.quick" in line)
    [run_id] = await drill.enqueue(Quick(key="a"))
    refused = await asyncio.to_thread(command, drill, "drain", quick.name, *DRILL_APP)
    assert (refused.returncode, "does not drain" in refused.stderr) == (Exit.USAGE, True)
    assert (await asyncio.to_thread(command, drill, "resume", quick.name)).stdout == "  drill.quick goes on\n"
    late = await asyncio.to_thread(command, drill, "drain", quick.name, "--timeout", "0", *DRILL_APP)
    assert (late.returncode, "drill.quick 1 queued, 0 running" in late.stderr) == (Exit.FINDINGS, True)
    cancelled = await asyncio.to_thread(command, drill, "cancel", str(run_id), *DRILL_APP)
    assert (cancelled.returncode, cancelled.stdout) == (0, "  cancelled before it began\n")
    drained = await asyncio.to_thread(command, drill, "drain", quick.name, *DRILL_APP)
    assert (drained.returncode, drained.stdout) == (0, "  empty: drill.quick\n")
