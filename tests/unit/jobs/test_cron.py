"""Schedules on a clock of our own: daylight saving, missed ticks, bounds."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.jobs.cron import LATE_BY_AT_MOST, Schedule, parse_schedule

START = datetime(2026, 1, 1, tzinfo=UTC)


def schedule(expression: str, timezone: str = "UTC", missed: str = "skip") -> Schedule:
    return parse_schedule(expression, timezone, missed, now=START)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(plan: Schedule, after: datetime, count: int) -> list[str]:
    found = []
    for _ in range(count):
        after = plan.next_tick(after)
        found.append(after.strftime("%m-%d %H:%M"))
    return found


def test_daily_in_warsaw_across_both_changes_of_the_clock() -> None:
    plan = schedule("0 3 * * *", "Europe/Warsaw")
    assert ticks(plan, utc("2026-03-27T12:00"), 4) == ["03-28 02:00", "03-29 01:00", "03-30 01:00", "03-31 01:00"]
    assert ticks(plan, utc("2026-10-23T12:00"), 4) == ["10-24 01:00", "10-25 02:00", "10-26 02:00", "10-27 02:00"]


def test_a_tick_inside_the_skipped_hour_fires_once_after_it() -> None:
    """On 29 March 2026 Warsaw goes from 01:59 to 03:00."""
    plan = schedule("30 2 * * *", "Europe/Warsaw")
    assert ticks(plan, utc("2026-03-28T00:00"), 3) == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_a_tick_inside_the_repeated_hour_fires_once() -> None:
    """On 25 October 2026 Warsaw has 02:00 to 02:59 twice."""
    plan = schedule("30 2 * * *", "Europe/Warsaw")
    assert ticks(plan, utc("2026-10-24T00:00"), 3) == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


def test_frequent_ticks_follow_real_time() -> None:
    plan = schedule("*/30 * * * *", "Europe/Warsaw")
    after, seen = utc("2026-10-24T23:45"), []
    for _ in range(8):
        after = plan.next_tick(after)
        seen.append(after)
    assert {later - earlier for earlier, later in pairwise(seen)} == {timedelta(minutes=30)}


def test_half_an_hour_and_a_whole_day_are_changes_too() -> None:
    """Lord Howe puts its clock back from 02:00 to 01:30; Apia left out 30 December 2011."""
    half = schedule("*/30 1-2 * * *", "Australia/Lord_Howe")
    assert ticks(half, utc("2026-04-04T13:59"), 5) == [
        "04-04 14:00", "04-04 14:30", "04-04 15:00", "04-04 15:30", "04-04 16:00",
    ]  # fmt: skip
    day = schedule("0 9 * * *", "Pacific/Apia")
    assert ticks(day, utc("2011-12-29T00:00"), 3) == ["12-29 19:00", "12-30 10:00", "12-30 19:00"]


CHANGES = ["2026-03-08T07", "2026-03-29T01", "2026-04-04T15", "2026-10-03T15", "2026-10-25T01", "2026-11-01T06"]
"""When the zones below change their clocks, in UTC."""
NEAR_A_CHANGE = st.sampled_from([(utc(f"{change}:00") - START) // timedelta(minutes=1) for change in CHANGES])


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    "expression",
    ["0 3 * * *", "30 2 * * *", "15,45 1-3 * * *", "*/7 * * * *", "*/30 2 * * *", "15 1 * * 0", "0 0 1 * *",
     "0 0 */2 * * *", "*/9 * * * * *"],
)  # fmt: skip
@given(
    minutes=st.integers(0, 60 * 24 * 366)
    | st.builds(lambda change, near: change + near, NEAR_A_CHANGE, st.integers(-200, 200))
)
def test_looking_back_and_looking_ahead_agree(expression: str, timezone: str, minutes: int) -> None:
    plan = schedule(expression, timezone)
    now = START + timedelta(minutes=minutes, seconds=minutes % 60)
    latest, following = plan.latest_tick(now), plan.next_tick(now)
    assert latest <= now < following
    assert plan.latest_tick(following) == following
    assert plan.latest_tick(following - timedelta(microseconds=1)) == latest


def test_a_tick_is_due_once() -> None:
    plan = schedule("0 * * * *")
    ten = utc("2026-05-01T10:00")
    assert plan.due(ten - timedelta(hours=1), ten - timedelta(seconds=1)) is None
    assert plan.due(ten - timedelta(hours=1), ten) == ten
    assert plan.due(ten, ten) is None
    assert plan.due(ten, ten + timedelta(minutes=59)) is None


@pytest.mark.parametrize(("late", "skip"), [(LATE_BY_AT_MOST, True), (LATE_BY_AT_MOST + timedelta(seconds=1), False)])
def test_missed_ticks_by_the_declared_rule(late: timedelta, skip: bool) -> None:
    ten = utc("2026-05-01T10:00")
    yesterday = ten - timedelta(days=1)
    assert schedule("0 * * * *", missed="once").due(yesterday, ten + late) == ten, "24 were missed, one fires"
    assert schedule("0 * * * *", missed="skip").due(yesterday, ten + late) == (ten if skip else None)


@pytest.mark.parametrize(
    ("expression", "timezone", "missed"),
    [
        ("", "UTC", "skip"),
        ("* * * *", "UTC", "skip"),
        ("60 * * * *", "UTC", "skip"),
        ("0 0 30 2 *", "UTC", "skip"),
        ("@daily", "UTC", "skip"),
        ("* * * * *", "Mars/Olympus", "skip"),
        ("* * * * *", "", "skip"),
        ("* * * * *", "UTC", "always"),
    ],
)
def test_what_cannot_be_a_schedule(expression: str, timezone: str, missed: str) -> None:
    with pytest.raises(ValueError, match=r"cron expression|time zone|missed"):
        parse_schedule(expression, timezone, missed, now=START)
