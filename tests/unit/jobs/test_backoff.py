"""The timetable of retries, on no clock at all."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.jobs.backoff import Backoff, look_again_s
from clarivum.jobs.transports.sqs.names import MAX_RECEIVE_COUNT


@pytest.mark.parametrize(
    ("attempt", "ceiling_s"),
    [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (9, 512), (10, 900), (11, 900), (64, 900), (10_000, 900)],
)
def test_the_ceiling_doubles_up_to_the_cap(attempt: int, ceiling_s: float) -> None:
    assert Backoff().ceiling_s(attempt) == ceiling_s


@given(st.integers(1, 1_000_000), st.floats(0, 1, exclude_max=True))
def test_jitter_is_full_and_never_above_the_ceiling(attempt: int, drawn: float) -> None:
    backoff = Backoff()
    delay_s = backoff.delay_s(attempt, lambda: drawn)
    assert 0 <= delay_s <= backoff.ceiling_s(attempt)
    assert delay_s - drawn * backoff.ceiling_s(attempt) <= 1


def test_failures_at_the_same_moment_come_back_spread_out() -> None:
    draw = random.Random(1).random
    delays = [Backoff().delay_s(8, draw) for _ in range(10_000)]
    assert max(delays.count(delay) for delay in range(257)) < 100
    assert 115 < sum(delays) / len(delays) < 142


def test_a_base_of_zero_tries_again_at_once() -> None:
    assert Backoff(base_s=0).delay_s(5, lambda: 0.99) == 0


@pytest.mark.parametrize("first_s", [2, 3, 5, 15, 60])
def test_what_may_not_begin_yet_waits_for_a_week_before_sqs_gives_it_up(first_s: int) -> None:
    hidden_s = [look_again_s(first_s, receives) for receives in range(1, MAX_RECEIVE_COUNT)]
    assert hidden_s[0] == first_s
    assert hidden_s == sorted(hidden_s)
    assert hidden_s[-1] == 900
    assert sum(hidden_s) > 7 * 86_400
