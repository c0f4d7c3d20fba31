"""Places of a worker process: bounded in all, shared between jobs."""

import asyncio
from typing import Any

import pytest

from clarivum.jobs import Payload, Run, job
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.worker.slots import Slots


class Key(Payload):
    key: str


def declared(**given: Any) -> Any:
    @job(Key, name="drill.job", key="key", **given)
    async def handler(payload: Key, run: Run) -> None: ...

    return handler


@pytest.mark.parametrize(
    ("total", "own", "jobs", "share"),
    [
        (8, None, 1, 8),
        (8, None, 2, 6),
        (1, None, 2, 1),
        (8, 2, 2, 2),
        (8, 100, 2, 8),
    ],
)
def test_a_backlog_of_one_job_leaves_room_for_the_others(total: int, own: int | None, jobs: int, share: int) -> None:
    assert WorkerOptions(concurrency=total).share(declared(concurrency=own), jobs) == share


async def test_whoever_waits_for_a_place_is_told() -> None:
    slots = Slots(2)
    slots.take(2)
    mine, other = asyncio.Event(), asyncio.Event()
    slots.tell(mine)
    assert not slots.wanted_besides(mine)
    slots.tell(other)
    assert slots.wanted_besides(mine)
    slots.give_back()
    assert mine.is_set()
    assert other.is_set()
    assert not slots.wanted_besides(mine)


def test_more_than_there_is_cannot_be_taken_or_given_back() -> None:
    slots = Slots(1)
    with pytest.raises(AssertionError):
        slots.take(2)
    with pytest.raises(AssertionError):
        slots.give_back()


def test_the_lease_is_the_jobs_visibility_unless_the_worker_says_otherwise() -> None:
    assert WorkerOptions().lease_s(declared(timeout_s=20)) == 120
    assert WorkerOptions(visibility_s=1).lease_s(declared(timeout_s=20)) == 1
