"""Limits, priorities, windows and results as they are declared."""

import re
from typing import Any

import pytest

from clarivum.errors import DeclarationError
from clarivum.jobs import Job, Payload, Result, Run, job
from clarivum.jobs.priority import Priority
from clarivum.jobs.rate import Rate
from tests.unit.jobs.test_declaration import Tick


class Refund(Payload):
    order: str


class Refunded(Result):
    amount: int


async def plain(payload: Any, run: Run) -> None: ...


async def returning(payload: Any, run: Run) -> Refunded:
    return Refunded(amount=1)


async def quoted(payload: Any, run: Run) -> "Refunded":
    return Refunded(amount=1)


async def unreadable(payload: Any, run: Run) -> "Missing":  # type: ignore[name-defined]  # noqa: F821
    ...


async def returning_text(payload: Any, run: Run) -> str:
    return ""


async def returning_any_result(payload: Any, run: Run) -> Result:
    return Result()


def declare(function: Any = plain, payload: Any = Refund, **given: Any) -> Job[Any]:
    chosen = {"name": "orders.refund", "key": "order", **given}
    return job(payload, **chosen)(function)


def test_without_them_a_job_has_none() -> None:
    declared = declare()
    assert (declared.limit, declared.rate, declared.unique_s, declared.result) == (None, None, None, None)
    assert (declared.priority, declared.results_days, declared.errors_days) == (Priority.NORMAL, 7, 90)
    assert not declared.is_limited


def test_they_are_kept_as_declared() -> None:
    declared = declare(
        returning, limit=3, rate="100/minute", priority="high", unique_s=3_600, results_days=30, errors_days=14
    )
    assert (declared.limit, declared.rate, declared.unique_s) == (3, Rate(100, 60), 3_600)
    assert (declared.result, declared.results_days, declared.errors_days) == (Refunded, 30, 14)
    assert declared.priority is Priority.HIGH
    assert declared.is_limited
    assert declare(quoted).result is Refunded
    assert declare(returning, retention_days=2).results_days == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": 0}, "limit must be 1 to 1000, not 0"),
        ({"limit": 1_001}, "limit must be 1 to 1000"),
        ({"limit": True}, "limit must be 1 to 1000"),
        ({"rate": "100/week"}, "rate '100/week' must read like 100/minute"),
        ({"rate": 100}, "must read like 100/minute"),
        ({"priority": "urgent"}, "priority must be high, normal, low, not 'urgent'"),
        ({"priority": None}, "priority must be high, normal, low"),
        ({"unique_s": 0}, "unique_s must be 1 to 31622400 whole seconds, not 0"),
        ({"unique_s": 1.5}, "unique_s must be 1 to"),
        ({"unique_s": 86_401, "retention_days": 1}, "unique_s 86401 is longer than its retention_days 1"),
        ({"payload": Tick, "key": "due_at", "schedule": "0 3 * * *", "unique_s": 60}, "leave unique_s out"),
        ({"results_days": 3}, "not annotated to return a Result"),
        ({"function": returning, "results_days": 31}, "results_days 31 is more than its retention_days 30"),
        ({"function": returning, "results_days": 0}, "results_days must be 1 to 3650, not 0"),
        ({"settings": ["SMTP_URI"]}, "settings: SMTP_URI is none; the nearest is SMTP_URL"),
        ({"settings": ["SMTP_URL", "SMTP_URL"]}, "settings names one of them twice"),
        ({"errors_days": 0}, "errors_days must be 1 to 3650, not 0"),
        ({"function": returning_text}, "its handler returns str; it may return None or a subclass of Result"),
        ({"function": returning_any_result}, "its handler returns Result"),
        ({"function": unreadable}, "its annotations cannot be read: name 'Missing' is not defined"),
    ],
)
def test_what_is_off_stops_the_start_up(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(message)) as caught:
        declare(**given)
    assert re.search(r"\.py:\d+: job orders\.refund: ", str(caught.value))
