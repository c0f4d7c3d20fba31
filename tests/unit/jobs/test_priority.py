"""Whose turn it is when there are too few places: shares over many turns, and none for ever without one."""

import asyncio
from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.jobs.priority import Priority, Turns
from clarivum.jobs.worker.slots import Slots

HIGH, NORMAL, LOW = Priority
GROUPS = [set(some) for size in (1, 2, 3) for some in combinations(Priority, size)]


@pytest.mark.parametrize("waiting", GROUPS, ids=lambda group: "+".join(sorted(group)))
def test_each_gets_its_share_of_the_turns(waiting: set[Priority]) -> None:
    turns, weights = Turns(), sum(priority.weight for priority in waiting)
    counted = Counter(turns.next(waiting) for _ in range(10 * weights))
    assert counted == {priority: 10 * priority.weight for priority in waiting}


def test_a_low_one_is_served_evenly_not_in_a_row() -> None:
    turns = Turns()
    order = [turns.next({HIGH, LOW}) for _ in range(17 * 4)]
    places = [number for number, chosen in enumerate(order) if chosen is LOW]
    assert len(places) == 4
    assert {later - earlier for earlier, later in pairwise(places)} == {17}


@given(st.lists(st.sampled_from([frozenset(group) for group in GROUPS]), max_size=200))
def test_one_of_those_who_wait_is_chosen_and_none_waits_longer_than_21_turns(waits: list[frozenset[Priority]]) -> None:
    turns, patience = Turns(), dict.fromkeys(Priority, 0)
    for waiting in waits:
        chosen = turns.next(waiting)
        assert chosen in waiting
        for priority in Priority:
            patience[priority] = patience[priority] + 1 if priority in waiting and priority is not chosen else 0
            assert patience[priority] <= 21


def test_who_did_not_wait_has_saved_nothing_up() -> None:
    turns = Turns()
    for _ in range(100):
        turns.next({LOW})
    assert [turns.next({HIGH, LOW}) for _ in range(3)] == [HIGH] * 3


async def test_one_priority_is_told_before_the_others() -> None:
    slots = Slots(1)
    slots.take(1)
    high, low = asyncio.Event(), asyncio.Event()
    slots.tell(low, LOW)
    slots.tell(high, HIGH)
    slots.give_back()
    assert (high.is_set(), low.is_set()) == (True, False)
    assert (slots.free_for(HIGH), slots.free_for(NORMAL), slots.free_for(LOW)) == (1, 0, 0)
    slots.take(1)
    assert not low.is_set(), "it goes on waiting for the next place"
    slots.looked(high)
    slots.give_back()
    assert low.is_set(), "nobody else waits"


async def test_what_the_first_did_not_need_is_everybodys_at_once() -> None:
    slots = Slots(2)
    slots.take(2)
    high, low = asyncio.Event(), asyncio.Event()
    slots.tell(low, LOW)
    slots.tell(high, HIGH)
    slots.give_back()
    slots.looked(high)
    assert low.is_set()
    assert slots.free_for(LOW) == 1


async def test_who_does_not_answer_holds_nobody_up_for_long() -> None:
    slots = Slots(1)
    slots.take(1)
    high, low = asyncio.Event(), asyncio.Event()
    slots.tell(low, LOW)
    slots.tell(high, HIGH)
    slots.give_back()
    async with asyncio.timeout(2):
        await low.wait()
    assert slots.free_for(LOW) == 1


async def test_work_that_was_fetched_goes_on_before_a_lower_priority_until_its_turn() -> None:
    slots = Slots(1)
    mine, low, equal = asyncio.Event(), asyncio.Event(), asyncio.Event()
    slots.take(1)
    slots.tell(mine, HIGH)
    slots.tell(low, LOW)
    passed_on = [slots.wanted_besides(mine, HIGH) for _ in range(9)]
    assert passed_on == [False] * 8 + [True], "the ninth of seventeen is the low one's"
    assert slots.free_for(HIGH) == 0
    slots.give_back()
    assert low.is_set()
    slots.take(1)
    slots.tell(equal, HIGH)
    assert slots.wanted_besides(mine, HIGH), "one of the same priority is always let in"
