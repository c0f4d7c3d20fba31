"""Work that waits for a place: begun as places come free, fetched ahead while it is short, handed back at the end."""

import asyncio
from time import monotonic

from clarivum.jobs.worker.places import MOST_AHEAD, SHORT_S, Places, Work
from clarivum.jobs.worker.slots import Slots


class Scene:
    """Pieces of work that run until they are told to end."""

    def __init__(self, slots: Slots, share: int, stale_s: float = 60.0) -> None:
        self.places = Places("drill.job", slots, share=share, stale_s=stale_s)
        self.begun: list[int] = []
        self.handed_back: list[int] = []
        self.ends: dict[int, asyncio.Event] = {}

    def put(self, *numbers: int) -> None:
        for number in numbers:
            self.ends[number] = asyncio.Event()
            self.places.put(Work(lambda n=number: self._run(n), lambda n=number: self._hand_back(n), monotonic()))

    async def end(self, *numbers: int) -> None:
        for number in numbers:
            self.ends[number].set()
        await settle()

    async def _run(self, number: int) -> None:
        self.begun.append(number)
        await self.ends[number].wait()

    async def _hand_back(self, number: int) -> None:
        self.handed_back.append(number)


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_work_begins_in_order_as_places_come_free() -> None:
    slots = Slots(8)
    scene = Scene(slots, share=2)
    scene.put(1, 2, 3, 4)
    await settle()
    assert scene.begun == [1, 2]
    await scene.end(2)
    assert scene.begun == [1, 2, 3]
    await scene.end(1, 3, 4)
    assert scene.begun == [1, 2, 3, 4]
    assert slots.free == 8


async def test_a_place_that_another_job_waits_for_is_passed_on() -> None:
    slots = Slots(1)
    busy, other = Scene(slots, share=1), Scene(slots, share=1)
    busy.put(1, 2)
    await settle()
    looking = asyncio.create_task(other.places.room())
    await settle()
    assert not looking.done(), "no place is free"
    await busy.end(1)
    assert busy.begun == [1], "its own next piece waits"
    assert await looking == 1


async def test_nothing_is_fetched_ahead_until_work_is_known_to_be_short() -> None:
    scene = Scene(Slots(4), share=4)
    assert await scene.places.room() == 4
    scene.put(1, 2, 3, 4)
    await settle()
    looking = asyncio.create_task(scene.places.room())
    await settle()
    assert not looking.done(), "every place is taken"
    await scene.end(1)
    assert await looking == 1 + 4 * MOST_AHEAD, "the free one, and the most that is fetched ahead"
    looking = asyncio.create_task(scene.places.room())
    await scene.end(2, 3, 4)
    assert await looking >= 4


async def test_no_more_is_fetched_ahead_than_the_places_do_in_a_moment() -> None:
    scene = Scene(Slots(4), share=4)
    scene.put(1, 2, 3, 4)
    await settle()
    await asyncio.sleep(SHORT_S / 2.5)
    await scene.end(1)
    assert await scene.places.room() == 1 + 4 * 2, "two more for each place are begun before the moment is over"


async def test_nothing_is_fetched_ahead_of_work_that_is_not_short() -> None:
    scene = Scene(Slots(4), share=4)
    scene.put(1, 2, 3, 4)
    await settle()
    await asyncio.sleep(SHORT_S * 1.2)
    await scene.end(1)
    assert await scene.places.room() == 1


async def test_stopping_hands_back_what_has_not_begun() -> None:
    scene = Scene(Slots(1), share=1)
    scene.put(1, 2, 3)
    await settle()
    looking = asyncio.create_task(scene.places.room())
    await scene.places.stop()
    assert await looking == 0
    assert (scene.begun, scene.handed_back) == ([1], [2, 3])
    await scene.end(1)
    assert not scene.places.running


async def test_work_that_waited_too_long_is_handed_back() -> None:
    scene = Scene(Slots(1), share=1, stale_s=-1.0)
    scene.put(1)
    await settle()
    assert (scene.begun, scene.handed_back) == ([], [1])


async def test_a_task_that_fails_gives_its_place_back() -> None:
    async def broken() -> None:
        raise RuntimeError("a fault of the platform")

    scene = Scene(Slots(1), share=1)
    scene.places.put(Work(broken, broken, monotonic()))
    scene.put(2)
    await settle()
    assert scene.begun == [2]
