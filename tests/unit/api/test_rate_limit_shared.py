"""Several limiters that tell each other afterwards, on a clock and with delays that the test chooses."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarivum.api.access import Rate
from clarivum.api.rates.limiter import Bucket, RateLimiter


class Table:
    """What Postgres keeps: when the one caller's bucket is full."""

    def __init__(self) -> None:
        self.full_at = 0.0


class LateReports:
    """Reports of one process, sent when the test says so."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.due: list[Bucket] = []
        self.sent = 0
        self.silent = False

    def answers(self, now: float) -> bool:
        return not self.silent

    def add(self, bucket: Bucket) -> None:
        if bucket not in self.due:
            self.due.append(bucket)

    async def settled(self) -> None:
        raise AssertionError("the test settles by itself")

    def send(self, now: float) -> None:
        for bucket in self.due:
            used_s, bucket.unreported = bucket.unreported * bucket.interval_s, 0.0
            self._table.full_at = max(self._table.full_at, now) + used_s
            bucket.full_at = max(bucket.full_at, self._table.full_at)
            self.sent += 1
        self.due.clear()


def fleet(rate: Rate, count: int) -> list[tuple[RateLimiter, LateReports]]:
    table = Table()
    reports = [LateReports(table) for _ in range(count)]
    return [(RateLimiter(rate, reports=each), each) for each in reports]


def granted(limiter: RateLimiter, reports: LateReports, now: float) -> bool:
    allowance = limiter.take("a", now)
    if allowance is None:
        reports.send(now)
        allowance = limiter.take("a", now)
        assert allowance is not None
    return allowance.granted


@settings(max_examples=60)
@given(
    limit=st.sampled_from([1, 3, 10, 60, 600]),
    count=st.integers(1, 6),
    lateness=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_a_burst_gets_the_limit_and_at_most_a_slice_for_each_further_process(
    limit: int, count: int, lateness: float, seed: int
) -> None:
    dice, processes = random.Random(seed), fleet(Rate(limit, 3_600), count)
    total = 0
    for _ in range(3 * limit * count):
        limiter, reports = dice.choice(processes)
        total += granted(limiter, reports, 100.0)
        if dice.random() >= lateness:
            reports.send(100.0)
    assert limit <= total <= limit + (count - 1) * processes[0][0].slice


@pytest.mark.parametrize("per_s", [1, 5, 20])
def test_over_a_long_time_the_rate_holds_but_for_a_twentieth_a_process(per_s: int) -> None:
    """Two processes, each asked so often for ten minutes that either alone may or may not stay within 10/s."""
    processes, rate = fleet(Rate(600, 60), 2), 10.0
    total = 0
    for tick in range(600 * per_s):
        for limiter, reports in processes:
            total += granted(limiter, reports, tick / per_s)
            if tick % 7 == 0:
                reports.send(tick / per_s)
    asked = 2 * 600 * per_s
    assert total <= min(asked, 600 + 600 * rate * (1 + 1 / 20) + 2 * 30)
    assert total >= min(asked, 600 * rate * 0.95)


def test_a_quiet_caller_is_never_reported_and_a_busy_one_by_slices() -> None:
    ((quiet, reports),) = fleet(Rate(6_000, 60), 1)
    assert all(granted(quiet, reports, float(second)) for second in range(10_000))
    assert reports.due == []
    for hit in range(4_000):
        granted(quiet, reports, 10_000 + hit / 10_000)
        if hit % 100 == 0:
            reports.send(10_000 + hit / 10_000)
    assert 4_000 / 300 <= reports.sent + 1 <= 4_000 / 150 + 1


def test_who_waits_in_vain_is_granted_what_this_process_knows() -> None:
    ((limiter, reports),) = fleet(Rate(10, 60), 1)
    reports.silent = True
    assert sum(granted(limiter, reports, 0.0) for _ in range(30)) == 10
