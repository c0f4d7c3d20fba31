"""Zod's verdicts are Pydantic's, on thousands of payloads; what the client sends is what the worker reads."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from clarivum.application import load_application
from clarivum.jobs import Job, Payload, PayloadError
from clarivum.jobs.message import Message, run_id_of, window_of
from clarivum.jobs.message import read as read_message
from clarivum.jobs.payload import MAX_PAYLOAD_BYTES, decode
from clarivum.jobs.typescript import FOLDER
from tests.unit.jobs.typescript_jobs import ODD, Judge, built, declared, judging
from tests.unit.jobs.typescript_values import at, values

JOBS: Mapping[str, Job[Any]] = {**ODD, **load_application("bff.app:application").jobs}
GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "jobs.md"
NOW = datetime(2026, 11, 26, 9, 30, 0, 500_000, UTC)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
NARROWER: Mapping[str, re.Pattern[str]] = {
    "date-time": NUMBER,
    "date": NUMBER,
    "duration": re.compile(r"(?!PT?$).*[0-9].*", re.DOTALL),
    "decimal": re.compile(r"\s*[+-]?[\d_.]+(?:[eE][+-]?[\d_]+)?\s*"),
}
"""What docs/guide/jobs.md says the client refuses and Pydantic takes: forms beside the standard's, of these formats."""


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """The client of all these jobs; what the guide shows is compiled with it."""
    folder = tmp_path_factory.mktemp("client")
    (folder / FOLDER / "src").mkdir(parents=True)
    [written] = re.findall(r"```ts\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (folder / FOLDER / "src" / "guide.ts").write_text(written.replace("@clarivum/jobs", "./index.js"), encoding="utf-8")
    package = built(JOBS, folder)
    with judging(package) as judge:
        yield judge


def read(job: Job[Any], text: str) -> tuple[Any, str] | None:
    """The payload and its key as a worker reads them, or None."""
    try:
        payload = decode(job.payload, text)
        return payload, job.key_of(payload)
    except (PayloadError, ValueError):
        return None


def is_narrower(job: Job[Any], value: Any, violation: Mapping[str, str]) -> bool:
    """Whether a form is refused that Pydantic takes beside the standard's."""
    found, field = at(value, violation["pointer"]), violation["pointer"].split("/")[1]
    schema = job.payload.model_json_schema()["properties"].get(field, {})
    kinds = [schema, *schema.get("anyOf", [])]
    names = {"decimal" if "number" in {each.get("type") for each in kinds} else each.get("format") for each in kinds}
    return isinstance(found, str) and any(NARROWER[name].fullmatch(found) for name in names & set(NARROWER))


def compare(judge: Judge, job: Job[Any], value: Any) -> bool:
    """Assert that both say the same, and return what."""
    answer = judge(job.name, value)
    python = read(job, answer["sent"])
    accepted = answer["accepted"]
    if accepted is None:
        assert answer["violations"]
        assert python is None or all(is_narrower(job, value, each) for each in answer["violations"]), (value, answer)
        return False
    assert python is not None, (value, answer)
    payload, key = python
    assert read(job, accepted["body"]) == (payload, key)
    unique_from = window_of(job, NOW)
    assert (accepted["key"], accepted["uniqueFrom"]) == (key, unique_from)
    assert accepted["runId"] == str(run_id_of(job.name, key, unique_from))
    return True


@pytest.mark.parametrize("name", JOBS)
def test_every_verdict_is_the_same(judge: Judge, name: str) -> None:
    job, verdicts = JOBS[name], []

    @settings(max_examples=600 if name in ODD else 60, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(values(job.payload.model_json_schema()))
    def judged(value: Any) -> None:
        verdicts.append(compare(judge, job, value))

    judged()
    assert {True, False} == set(verdicts)


EDGES: Mapping[str, tuple[str, Any, bool]] = {
    "as deep as it may be": ("odd.composed", {"key": "2026-11-26", "anything": nested(199)}, True),
    "too deep": ("odd.composed", {"key": "2026-11-26", "anything": nested(200)}, False),
    "characters, not UTF-16 units": ("odd.texts", {"key": "\U0001f600" * 5}, True),
    "one character more": ("odd.texts", {"key": "\U0001f600" * 6}, False),
    "a key that is too long": ("purchases.fulfil", {"event_id": "e", "occasion": "x" * 256}, False),
    "NUL": ("odd.texts", {"key": "a\0"}, False),
    "a lone surrogate": ("odd.texts", {"key": "\ud800"}, False),
    "beyond 2^53": ("odd.numbers", {"key": 2**53}, False),
    "up to 2^53": ("odd.numbers", {"key": 2**53 - 1}, True),
    "without an offset": ("odd.moments", {"key": "2026-11-26T09:30:00"}, False),
    "a moment before year 1 in UTC": ("odd.moments", {"key": "0001-01-01T00:00:00+01:00"}, False),
    "an unknown field": ("odd.windowed", {"key": 1, "other": 1}, False),
    "true is 1": ("odd.windowed", {"key": True}, True),
}


def test_a_key_that_has_no_time_in_utc_is_a_payload_error() -> None:
    message = Message("1", '{"key": "0001-01-01T00:00:00+01:00"}', NOW, 1, {})
    with pytest.raises(PayloadError):
        read_message(ODD["odd.moments"], message)


@pytest.mark.parametrize("edge", EDGES)
def test_at_the_edges(judge: Judge, edge: str) -> None:
    name, value, accepted = EDGES[edge]
    assert compare(judge, JOBS[name], value) is accepted


def test_a_payload_is_at_most_256_kib(judge: Judge) -> None:
    """The client counts its own JSON, as Python counts its own."""
    empty = len(judge("odd.composed", {"key": "2026-11-26", "anything": ""})["accepted"]["body"])
    for more, accepted in ((0, True), (1, False)):
        value = {"key": "2026-11-26", "anything": "x" * (MAX_PAYLOAD_BYTES - empty + more)}
        assert (judge("odd.composed", value)["accepted"] is not None) is accepted


@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("odd.moments", "key", "1700000000"),
        ("odd.moments", "day", "86400"),
        ("odd.moments", "lasts", "1 day, 00:00:01"),
        ("odd.numbers", "price", "1_000"),
    ],
)
def test_forms_beside_the_standards_are_for_python_alone(judge: Judge, name: str, field: str, text: str) -> None:
    value = {"key": {"odd.moments": "2026-11-26T09:30:00Z", "odd.numbers": 1}[name], field: text}
    assert read(JOBS[name], json.dumps(value)) is not None
    [violation] = judge(name, value)["violations"]
    assert violation["pointer"] == f"/{field}"


@pytest.mark.parametrize(("kind", "value"), [(int, 2), (str, 1)])
def test_a_difference_would_be_seen(judge: Judge, kind: type, value: int) -> None:
    """The client knows the values 0 and 1: a worker that takes more, or none of them, is another one."""
    payload = type("Other", (Payload,), {"__annotations__": {"key": kind}})
    other = declared(payload, "odd.windowed", unique_s=3_600)
    with pytest.raises(AssertionError):
        compare(judge, other, {"key": value})
