"""A job declaration is complete, or the start-up stops with a message that names it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import AwareDatetime

from clarivum.errors import DeclarationError, Exit
from clarivum.jobs import Job, Payload, Run, job
from clarivum.jobs.declaration import by_name, inferred_name, key_text


class Enrich(Payload):
    lead_id: UUID
    note: str | None = None
    flag: bool = False
    ratio: float = 0.0


class Other(Payload):
    lead_id: UUID


class Tick(Payload):
    due_at: AwareDatetime
    limit: int = 10


class HalfTick(Payload):
    due_at: AwareDatetime
    limit: int


async def handler(payload: Any, run: Run) -> None:
    """Say what it does.

    And more.
    """


def declare(payload: Any = Enrich, function: Any = handler, **given: Any) -> Job[Any]:
    chosen = {"name": "leads.enrich", "key": "lead_id", **given}
    return job(payload, **chosen)(function)


def test_a_declaration_knows_its_place_and_its_defaults() -> None:
    declared = declare()
    assert (declared.name, declared.queue, declared.key) == ("leads.enrich", "leads_enrich", "lead_id")
    assert (declared.timeout_s, declared.attempts, declared.batch, declared.visibility_s) == (10.0, 5, 1, 60)
    assert Path(declared.file) == Path(__file__)
    assert Path(declared.file).read_text().splitlines()[declared.line - 1].startswith("async def handler")
    assert declared.summary == "Say what it does."
    assert declared.owner is None
    assert declared.owned_by("growth").owner == "growth"


@pytest.mark.parametrize(
    ("timeout_s", "visibility_s"), [(0.1, 60), (10, 60), (10.5, 63), (300, 1_800), (7_200, 43_200)]
)
def test_visibility_is_six_timeouts_and_at_least_a_minute(timeout_s: float, visibility_s: int) -> None:
    assert declare(timeout_s=timeout_s).visibility_s == visibility_s


async def sync_looking(payload: Any) -> None: ...


def not_async(payload: Any, run: Run) -> None: ...


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"key": None}, "names no key"),
        ({"key": ""}, "names no key"),
        ({"key": "lead"}, "no field of Enrich; it has lead_id, note, flag, ratio"),
        ({"key": "note"}, "never null"),
        ({"key": "flag"}, "must be text"),
        ({"key": "ratio"}, "must be text"),
        ({"timeout_s": None}, "timeout_s must be"),
        ({"timeout_s": 0}, "timeout_s must be"),
        ({"timeout_s": -1}, "timeout_s must be"),
        ({"timeout_s": 7_201}, "timeout_s must be"),
        ({"timeout_s": float("nan")}, "timeout_s must be"),
        ({"attempts": 0}, "attempts must be 1 to 25"),
        ({"attempts": 26}, "attempts must be 1 to 25"),
        ({"attempts": True}, "attempts must be 1 to 25"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"batch": 0}, "batch must be"),
        ({"batch": 10_000}, "batch must be"),
        ({"retention_days": 0}, "retention_days must be"),
        ({"name": "enrich"}, "must read <feature>.<verb>"),
        ({"name": "Leads.enrich"}, "must read <feature>.<verb>"),
        ({"name": "leads.enrich.now"}, "must read <feature>.<verb>"),
        ({"name": "leads.enrich; drop table x"}, "must read <feature>.<verb>"),
        ({"name": "leads." + "x" * 42}, "at most 47 characters"),
        ({"payload": dict}, "subclass of Payload"),
        ({"payload": None}, "subclass of Payload"),
        ({"function": not_async}, "async function"),
        ({"function": sync_looking}, r"\(payload, run\)"),
        ({"schedule": "* * * * *"}, "must be the datetime that receives the tick"),
        ({"payload": HalfTick, "key": "due_at", "schedule": "* * * * *"}, "limit must have defaults"),
        ({"payload": Tick, "key": "due_at", "schedule": "* * * *"}, "Wrong number of fields"),
        ({"payload": Tick, "key": "due_at", "schedule": "61 * * * *"}, "Bad minute"),
        ({"payload": Tick, "key": "due_at", "schedule": "0 0 31 2 *"}, "Bad day-of-month"),
        ({"payload": Tick, "key": "due_at", "schedule": "* * * * *", "timezone": "Europe/Atlantis"}, "time zone"),
        ({"payload": Tick, "key": "due_at", "schedule": "* * * * *", "timezone": "../etc/passwd"}, "time zone"),
        ({"payload": Tick, "key": "due_at", "schedule": "* * * * *", "missed": "twice"}, "'skip' or 'once'"),
    ],
)
def test_an_incomplete_declaration_stops_the_start(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message) as refused:
        declare(**given)
    assert "test_declaration.py:" in str(refused.value), "file and line are named"
    assert refused.value.code.exit is Exit.CONFIGURATION


@pytest.mark.parametrize(
    ("module", "function", "name"),
    [
        ("bff.leads.jobs", "enrich_lead", "leads.enrich"),
        ("bff.leads.jobs", "enrich_leads", "leads.enrich"),
        ("bff.leads.jobs", "leads", "leads.leads"),
        ("bff.privacy.jobs", "export_data", "privacy.export_data"),
        ("bff.news.jobs", "send_news", "news.send"),
    ],
)
def test_names_are_inferred_from_feature_and_function(module: str, function: str, name: str) -> None:
    assert inferred_name(module, function) == name


def named(name: str, payload: type[Payload]) -> Job[Any]:
    return declare(payload, name=name)


@pytest.mark.parametrize(
    ("jobs", "what"),
    [
        (lambda: [named("a.b_c", Enrich), named("a_b.c", Other)], "name or queue"),
        (lambda: [named("a.b", Enrich), named("a.b", Other)], "name or queue"),
        (lambda: [named("a.b", Enrich), named("a.c", Enrich)], "payload type"),
    ],
)
def test_jobs_do_not_share_what_identifies_them(jobs: Callable[[], list[Job[Any]]], what: str) -> None:
    with pytest.raises(DeclarationError, match=what):
        by_name(jobs())


class Colour(StrEnum):
    RED = "red"


def test_key_text() -> None:
    lead = UUID("4b26c077-f3d7-4f8e-8965-cb7b5290a68f")
    assert key_text(lead) == str(lead)
    assert key_text(7) == "7"
    assert key_text(Colour.RED) == "red"
    assert key_text(date(2026, 3, 1)) == "2026-03-01"
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert key_text(noon) == key_text(noon.astimezone(timezone(timedelta(hours=2)))) == "2026-03-01T12:00:00Z"
