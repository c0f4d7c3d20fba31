"""What one process takes on of a limited job: permits and tokens against its places, on a virtual clock."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from clarivum.database import DatabaseError
from clarivum.errors import UNAVAILABLE
from clarivum.jobs import Job, Payload, Run, job
from clarivum.jobs.limits import Granted
from clarivum.jobs.message import Message
from clarivum.jobs.worker.admission import Admission


class Key(Payload):
    key: str


def declared(**given: Any) -> Job[Any]:
    @job(Key, name="drill.job", key="key", **given)
    async def handler(payload: Key, run: Run) -> None: ...

    return handler


def messages(count: int) -> list[Message]:
    return [Message(str(number), "{}", datetime(2026, 1, 1, tzinfo=UTC), 1, {}) for number in range(count)]


class Scene:
    """The database's side of the limits, and a worker's places."""

    lease_s = 60.0

    def __init__(self, **given: Any) -> None:
        self.job = declared(**given)
        self.free = set(range(1, (self.job.limit or 0) + 1))
        self.stolen: set[int] = set()
        self.tokens = Granted(0, 0.0)
        self.is_away = False
        self.occupied = 0
        self.now_s = 1_000.0
        self.lost: list[int] = []
        self.woken: list[bool] = []
        self.admission = Admission(
            self,  # type: ignore[arg-type]
            occupied=lambda: self.occupied,
            lose=self._lose,
            clock=lambda: self.now_s,
        )

    async def take_permits(self, wanted: int) -> set[int]:
        taken = set(sorted(self.free)[:wanted])
        self.free -= taken
        return taken

    async def renew(self, permits: Iterable[int]) -> set[int]:
        if self.is_away:
            raise DatabaseError(UNAVAILABLE)
        return set(permits) - self.stolen

    async def give_back(self, permits: Iterable[int], *, wake: bool) -> None:
        self.free |= set(permits)
        self.woken.append(wake)

    async def take_tokens(self, wanted: int) -> Granted:
        return Granted(min(wanted, self.tokens.tokens), self.tokens.wait_s)

    async def _lose(self, left: int) -> None:
        self.lost.append(left)


async def test_permits_are_taken_for_what_there_is_room_for_and_kept_for_what_runs() -> None:
    scene = Scene(limit=3)
    assert await scene.admission.room(6) == 3
    scene.occupied = 2
    await scene.admission.tidy()
    assert len(scene.free) == 1, "the third is not needed"
    assert scene.woken == [False], "a mere look wakes nobody"
    assert await scene.admission.room(1) == 1
    assert scene.free == set()
    scene.occupied = 3
    assert await scene.admission.room(3) == 0


async def test_after_a_run_the_others_are_told_once() -> None:
    scene = Scene(limit=1)
    await scene.admission.room(1)
    scene.occupied = 1
    scene.admission.ended()
    scene.occupied = 0
    await scene.admission.tidy()
    await scene.admission.room(1)
    await scene.admission.tidy()
    assert scene.woken == [True, False]


async def test_a_permit_is_for_a_transaction_of_a_batch_not_for_a_message() -> None:
    assert await Scene(limit=2, batch=10).admission.room(5) == 20


async def test_permits_that_somebody_else_has_must_not_be_used() -> None:
    scene = Scene(limit=3)
    await scene.admission.room(3)
    scene.occupied = 3
    await scene.admission.beat()
    assert scene.lost == []
    scene.stolen = {2, 3}
    await scene.admission.beat()
    assert scene.lost == [1], "one may go on"


async def test_a_process_that_cannot_renew_stops_when_its_leases_are_over() -> None:
    scene = Scene(limit=2)
    await scene.admission.room(2)
    scene.occupied, scene.is_away = 2, True
    scene.now_s += 59
    await scene.admission.beat()
    assert scene.lost == []
    scene.now_s += 2
    await scene.admission.beat()
    assert scene.lost == [0]


async def test_renewed_leases_count_from_the_renewal() -> None:
    scene = Scene(limit=1)
    await scene.admission.room(1)
    scene.occupied = 1
    scene.now_s += 50
    await scene.admission.beat()
    scene.now_s, scene.is_away = scene.now_s + 50, True
    await scene.admission.beat()
    assert scene.lost == []


async def test_what_gets_no_token_waits_and_nothing_is_fetched_before_one_is_due() -> None:
    scene = Scene(rate="10/second")
    assert await scene.admission.room(6) == 1, "a tenth of the rate at once"
    scene.tokens = Granted(1, 0.1)
    begins, waits, wait_s = await scene.admission.pass_on(messages(3))
    assert ([each.id for each in begins], [each.id for each in waits], wait_s) == (["0"], ["1", "2"], 0.1)
    assert await scene.admission.room(6) == 0
    assert scene.admission.wait_s(1.0) == pytest.approx(0.1)
    scene.now_s += 0.11
    assert await scene.admission.room(6) == 1
    assert scene.admission.wait_s(1.0) == 1.0


async def test_no_more_is_fetched_than_tokens_can_have_come() -> None:
    scene = Scene(rate="100/second")
    assert await scene.admission.room(50) == 10
    scene.tokens = Granted(10, 0.01)
    await scene.admission.pass_on(messages(10))
    for later_s, expected in ((0.011, 1), (0.03, 4), (10, 10)):
        scene.now_s += later_s
        assert await scene.admission.room(50) == expected
