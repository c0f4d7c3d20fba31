"""What a run leaves behind: kept with its effect, for the time declared, and shown only when asked for."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from clarivum.database import Database
from clarivum.errors import Exit
from clarivum.jobs import inspect
from clarivum.jobs.transports.pgmq import PgmqTransport
from clarivum.jobs.transports.queues import ensure_queues
from clarivum.jobs.worker.housekeeping import Housekeeping
from tests.integration.jobs.conftest import ROOT, Drill
from tests.integration.jobs.drill_semantics import (
    Counted,
    Counting,
    CountingBatch,
    Refund,
    counting,
    counting_batch,
    refund,
)

APPLICATION = ("--application", "tests.integration.jobs.drill_semantics_app:application")


@pytest.fixture
def resulting(drill: Drill) -> Drill:
    drill.jobs = [counting, counting_batch, refund]
    ensure_queues(drill.urls.admin, drill.jobs)
    return drill


async def forget(drill: Drill) -> int:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        return await Housekeeping(drill.jobs, database, PgmqTransport(database)).forget()


async def test_a_result_is_kept_with_the_effect_and_read_back_typed(resulting: Drill) -> None:
    run_id, plain = await resulting.enqueue(Counting(key="a", size=3), Refund(key="b"))
    async with resulting.working(counting, refund):
        await resulting.eventually(lambda: resulting.state("a") == resulting.state("b") == "done", "both are done")
    async with Database(resulting.urls.app, pipelines=1, connections=1) as database:
        kept = await inspect.result(database, run_id)
        assert kept is not None
        assert Counted.model_validate(kept.result) == Counted(letters="xxx", attempt=1)
        assert await inspect.result(database, plain) is None, "a job that declares none has none"
    [row] = resulting.rows("select extract(day from kept_until - now()) as days from clarivum.job_results")
    assert row["days"] in {6, 7}


async def test_a_batch_keeps_a_result_for_each_of_its_runs(resulting: Drill) -> None:
    await resulting.enqueue(*(CountingBatch(key=f"k{number}") for number in range(20)))
    async with resulting.working(counting_batch):
        await resulting.eventually(lambda: resulting.depth(counting_batch) == 0, "all are done")
    rows = resulting.rows("select result ->> 'letters' as letters from clarivum.job_results")
    assert sorted(row["letters"] for row in rows) == sorted(f"k{number}" for number in range(20))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (Counting(key="a", size=16 * 1024), "at most 16384 fit"),
        (Counting(key="a", wrong=True), "does not fit its own type: /letters"),
    ],
)
async def test_a_result_that_cannot_be_kept_undoes_the_run_at_once(
    resulting: Drill, payload: Counting, reason: str
) -> None:
    await resulting.enqueue(payload)
    async with resulting.working(counting):
        await resulting.eventually(lambda: resulting.state("a") == "dead", "it is given up")
    [letter] = resulting.letters()
    assert (letter["error"], letter["attempts"]) == ("ResultError", 1)
    assert reason in letter["message"]
    assert resulting.effects() == []
    assert resulting.rows("select * from clarivum.job_results") == []


async def test_what_is_past_its_declared_time_is_forgotten(resulting: Drill) -> None:
    old, _ = await resulting.enqueue(Counting(key="old"), Counting(key="new"))
    await resulting.enqueue(Counting(key="died", wrong=True), Counting(key="dies", wrong=True))
    async with resulting.working(counting):
        await resulting.eventually(lambda: len(resulting.letters()) == 2 and len(resulting.effects()) == 2, "all ended")
    assert await forget(resulting) == 0
    resulting.rows("update clarivum.job_results set kept_until = now() where run_id = %s returning 1", old)
    resulting.rows(
        "update clarivum.dead_letters set died_at = now() - interval '91 days' where key = 'died' returning 1"
    )
    async with Database(resulting.urls.app, pipelines=1, connections=1) as database:
        assert await inspect.result(database, old) is None, "not shown any more, before it is removed"
    assert await forget(resulting) == 2
    assert resulting.rows("select count(*) from clarivum.job_results") == [{"count": 1}]
    assert [letter["key"] for letter in resulting.letters()] == ["dies"]
    assert resulting.run("died") is None, "its key is free again"
    assert resulting.state("old") == "done", "the run outlives its result"


async def test_the_answers_of_a_run_stay_as_long_as_the_run(resulting: Drill) -> None:
    await resulting.enqueue(Refund(key="a"))
    async with resulting.working(refund):
        await resulting.eventually(lambda: resulting.state("a") == "done", "it is done")
    resulting.rows("update clarivum.job_answers set recorded_at = now() - interval '31 days' returning 1")
    assert await forget(resulting) == 0
    resulting.rows(
        "update clarivum.job_runs set started_at = started_at - interval '31 days',"
        " finished_at = finished_at - interval '31 days' returning 1"
    )
    assert await forget(resulting) == 2
    assert resulting.rows("select * from clarivum.job_answers") == []


def command(drill: Drill, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "clarivum", "jobs", *arguments, *APPLICATION],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": drill.urls.app},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


async def test_the_command_shows_a_result_only_when_asked(resulting: Drill) -> None:
    run_id, without = await resulting.enqueue(Counting(key="a", size=3), Refund(key="b"))
    async with resulting.working(counting, refund):
        await resulting.eventually(lambda: resulting.state("a") == resulting.state("b") == "done", "both are done")
    silent = await asyncio.to_thread(command, resulting, "show", str(run_id))
    assert "xxx" not in silent.stdout
    shown = await asyncio.to_thread(command, resulting, "show", str(run_id), "--result")
    assert '{"attempt":1,"letters":"xxx"}' in shown.stdout.replace(": ", ":").replace(", ", ",")
    document = await asyncio.to_thread(command, resulting, "show", str(run_id), "--result", "--format", "json")
    assert json.loads(document.stdout)["result"]["result"] == {"letters": "xxx", "attempt": 1}
    none = await asyncio.to_thread(command, resulting, "show", str(without), "--result")
    assert (none.returncode, "result    none" in none.stdout) == (Exit.OK, True)
