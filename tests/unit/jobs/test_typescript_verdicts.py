"""Zod's verdicts are Pydantic's, on thousands of payloads; what the client sends is what the worker reads."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from clarivum.application import load_application
from clarivum.jobs import Job, PayloadError
from clarivum.jobs.message import run_id_of, window_of
from clarivum.jobs.payload import decode
from tests.unit.jobs.typescript_jobs import ODD, Judge, built, judging
from tests.unit.jobs.typescript_values import at, values

JOBS: Mapping[str, Job[Any]] = {**ODD, **load_application("bff.app:application").jobs}
NOW = datetime(2026, 11, 26, 9, 30, 0, 500_000, UTC)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
NARROWER: Mapping[str, re.Pattern[str]] = {
    "date-time": NUMBER,
    "date": NUMBER,
    "duration": re.compile(r"(?!PT?$).*[0-9].*", re.DOTALL),
    "decimal": re.compile(r"\s*[+-]?[\d_.]+(?:[eE][+-]?[\d_]+)?\s*"),
}
"""What docs/guide/jobs.md says the client refuses and Pydantic takes: forms beside the standard's, of these formats."""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    package = built(JOBS, tmp_path_factory.mktemp("client"))
    with judging(package) as judge:
        yield judge


def read(job: Job[Any], text: str) -> tuple[Any, str] | None:
    """The payload and its key as a worker reads them, or None."""
    try:
        payload = decode(job.payload, text)
        return payload, job.key_of(payload)
    except (PayloadError, ValueError, OverflowError):
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

    @settings(max_examples=600 if name in ODD else 60, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(values(job.payload.model_json_schema()))
    def judged(value: Any) -> None:
        verdicts.append(compare(judge, job, value))

    judged()
    assert {True, False} == set(verdicts)
