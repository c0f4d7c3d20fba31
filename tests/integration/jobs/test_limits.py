"""Limits over all workers: never more runs at once, never more begun in a time, whoever is killed or frozen."""

import asyncio
import signal
import time

import pytest

from clarivum.database import Database
from clarivum.jobs import Job, job
from clarivum.jobs.limits import Limits
from clarivum.jobs.transports.queues import ensure_queues
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import Quick, quick
from tests.integration.jobs.drill_semantics import (
    Narrow,
    Paced,
    PacedBatch,
    narrow,
    paced,
    paced_batch,
)


@pytest.fixture
def limited(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> Drill:
    drill.jobs = [narrow, paced, paced_batch]
    ensure_queues(drill.urls.admin, drill.jobs)
    monkeypatch.setenv("DRILL_NOTES", str(drill.notes))
    return drill


def most_at_once(drill: Drill) -> int:
    """Of the runs that ended, by the times that their handlers noted."""
    changes = []
    for path in drill.notes.glob("span.*"):
        began, ended = map(float, path.read_text().split())
        changes += [(began, 1), (ended, -1)]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def starts(drill: Drill) -> list[float]:
    return sorted(float(path.read_text()) for path in drill.notes.glob("start.*"))


def most_in(seconds: float, moments: list[float]) -> int:
    """The most moments in any stretch of so many seconds."""
    return max(sum(first <= moment < first + seconds for moment in moments) for first in moments)


def free(drill: Drill) -> int:
    return int(drill.rows("select count(*) from clarivum.job_permits where free_at <= now()")[0]["count"])


# -- runs at once -----------------------------------------------------------------------------------------------------
async def test_no_more_runs_at_once_than_the_limit_over_three_workers(limited: Drill) -> None:
    await limited.enqueue(*(Narrow(key=f"k{number}") for number in range(60)))
    began = time.monotonic()
    async with limited.working(narrow), limited.working(narrow), limited.working(narrow):
        await limited.eventually(lambda: limited.depth(narrow) == 0, "all are done")
        took_s = time.monotonic() - began
        await limited.eventually(lambda: free(limited) == 3, "nobody keeps what is not needed")
    assert most_at_once(limited) == 3, "the limit is used, and kept"
    assert took_s < 8, "60 runs of 50 ms, three at once, take one second and not much more"
    assert len(limited.effects()) == 60
    assert {run["attempt"] for run in limited.rows("select attempt from clarivum.job_runs")} == {1}


async def test_the_permits_of_a_killed_worker_come_back(limited: Drill) -> None:
    await limited.enqueue(*(Narrow(key=f"dies{number}", kills_first=True) for number in range(3)))
    doomed = limited.start(narrow, visibility_s=2)
    assert doomed.wait() == -signal.SIGKILL
    assert free(limited) < 3, "what it held is not free yet"
    await limited.enqueue(*(Narrow(key=f"k{number}") for number in range(12)))
    async with limited.working(narrow, visibility_s=2):
        await limited.eventually(lambda: len(limited.effects()) >= 12, "all run in the end")
    assert most_at_once(limited) <= 3


async def test_a_worker_that_froze_gives_way(limited: Drill) -> None:
    """Its permits went to another worker: when it comes back it stops what it ran, and hands it back."""
    await limited.enqueue(*(Narrow(key=f"slow{number}", seconds=4.5) for number in range(3)))
    frozen = limited.start(narrow, visibility_s=1)
    limited.until(lambda: limited.rows("select 1 from clarivum.job_runs where state = 'running'"), "they run")
    frozen.send(signal.SIGSTOP)
    limited.until(lambda: free(limited) == 3, "its leases are over", 5)
    async with Database(limited.urls.app, pipelines=1, connections=1) as database:
        other = Limits(narrow, database, lease_s=60)
        assert len(await other.take_permits(9)) == 3
        frozen.send(signal.SIGCONT)
        limited.until(lambda: "permits were lost" in frozen.log(), "it noticed")
        waiting = "select 1 from clarivum.job_runs where state = 'waiting' and attempt = 0"
        limited.until(lambda: len(limited.rows(waiting)) == 3, "all three are handed back, uncounted")
    assert limited.effects() == []


async def test_a_lower_limit_holds_at_once_and_a_higher_one_makes_room(limited: Drill) -> None:
    def declared(limit: int) -> Job[Narrow]:
        return job(Narrow, name="drill.narrow", key="key", limit=limit)(narrow.handler)

    async with Database(limited.urls.app, pipelines=1, connections=2) as database:
        mine = Limits(declared(2), database, lease_s=60)
        held = await mine.take_permits(10)
        assert held == {1, 2}
        assert await Limits(declared(1), database, lease_s=60).take_permits(10) == set()
        assert await Limits(declared(4), database, lease_s=60).take_permits(10) == {3, 4}
        assert await mine.renew(held | {3}) == held, "only what is one's own"
        await mine.give_back({1, 4}, wake=True)
        assert await Limits(declared(4), database, lease_s=60).take_permits(10) == {1}


async def test_a_hundred_takers_at_once_get_no_place_twice(limited: Drill) -> None:
    async with Database(limited.urls.app, pipelines=1, connections=16) as database:
        taken = await asyncio.gather(*(Limits(narrow, database, lease_s=60).take_permits(1) for _ in range(100)))
    assert sorted(place for places in taken for place in places) == [1, 2, 3]


# -- runs begun in a time ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pacing", [paced, paced_batch], ids=["single", "batch"])
async def test_no_more_runs_begin_than_the_rate_over_two_workers(limited: Drill, pacing: Job[Paced]) -> None:
    payload = Paced if pacing is paced else PacedBatch
    await limited.enqueue(*(payload(key=f"k{number}") for number in range(50)))
    async with limited.working(pacing), limited.working(pacing):
        await limited.eventually(lambda: limited.depth(pacing) == 0, "all are done")
    begun = starts(limited)
    assert len(begun) == 50
    assert pacing.rate is not None
    # a run begins some milliseconds after its token was taken: what a busy machine adds counts against the handler's
    # own clock, not against the rate
    assert most_in(pacing.rate.interval_s * 0.9, begun) <= pacing.rate.most
    assert begun[-1] - begun[0] >= (50 - pacing.rate.burst) * pacing.rate.spacing_s * 0.95
    assert begun[-1] - begun[0] < 8, "and the rate is made use of"


async def test_tokens_are_granted_as_declared_whoever_asks(limited: Drill) -> None:
    """20 a second: two at once after a rest, then one every 50 ms, also when asked a thousand times at once."""
    async with Database(limited.urls.app, pipelines=1, connections=8) as database:
        takers = [Limits(paced, database, lease_s=60) for _ in range(8)]
        began = time.monotonic()
        granted = [await asyncio.gather(*(taker.take_tokens(5) for taker in takers)) for _ in range(60)]
        took_s = time.monotonic() - began
        tokens = sum(each.tokens for some in granted for each in some)
        assert 2 <= tokens <= 2 + took_s * 20 + 1
        assert all(each.wait_s <= 0.05 for some in granted for each in some)
        assert all(each.wait_s > 0 for some in granted for each in some if each.tokens < 5)


async def test_jobs_without_limits_leave_the_tables_alone(drill: Drill) -> None:
    await drill.enqueue(Quick(key="a"))
    async with drill.working(quick):
        await drill.eventually(lambda: drill.state("a") == "done", "it is done")
    assert drill.rows("select 1 from clarivum.job_permits") == drill.rows("select 1 from clarivum.job_rates") == []
