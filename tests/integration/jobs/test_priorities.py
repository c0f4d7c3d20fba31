"""Priorities on a real worker with too few places."""

import pytest

from clarivum.jobs.transports.queues import ensure_queues
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_semantics import Ordinary, Urgent, ordinary, urgent


@pytest.fixture
def prioritised(drill: Drill) -> Drill:
    drill.jobs = [urgent, ordinary]
    ensure_queues(drill.urls.admin, drill.jobs)
    return drill


@pytest.mark.parametrize(("seconds", "each"), [(0.005, 60), (0.06, 30)], ids=["fetched ahead", "one by one"])
async def test_high_goes_before_low_and_low_is_not_starved(prioritised: Drill, seconds: float, each: int) -> None:
    await prioritised.enqueue(*(Ordinary(key=f"low{number}", seconds=seconds) for number in range(each)))
    await prioritised.enqueue(*(Urgent(key=f"high{number}", seconds=seconds) for number in range(each)))
    async with prioritised.working(urgent, ordinary, concurrency=1):
        await prioritised.eventually(lambda: len(prioritised.effects()) == 2 * each, "all are done")
    first = [effect["job"] for effect in prioritised.effects()[:each]]
    assert first.count("drill.urgent") >= each * 0.7, "16 of 17 as long as both wait"
    assert first.count("drill.ordinary") >= each // 30, "and one of 17 for the low one"


async def test_a_low_job_alone_has_every_place(prioritised: Drill) -> None:
    await prioritised.enqueue(*(Ordinary(key=f"k{number}", seconds=0.05) for number in range(12)))
    async with prioritised.working(urgent, ordinary, concurrency=4) as worker:
        await prioritised.eventually(lambda: worker.running() == 3, "its whole share")
        await prioritised.eventually(lambda: len(prioritised.effects()) == 12, "all are done")
