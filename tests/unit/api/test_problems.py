"""What a failure tells the caller, and what it keeps to itself."""

import json
from typing import Any

import pytest

from clarivum.api.problem import concealed, problem
from clarivum.api.response import Response
from clarivum.errors import (
    INVALID_TOKEN,
    RATE_LIMITED,
    REGISTRY,
    UNAUTHENTICATED,
    UNAVAILABLE,
    VALIDATION_FAILED,
    ConfigurationError,
    DependencyDownError,
    RequestError,
    Violation,
)


def answer(error: Any, instance: str = "/api/v1/things") -> tuple[Response, dict[str, Any], dict[str, str]]:
    response = problem(error, instance=instance, request_id="f" * 32)
    lines = response.head.decode("ascii").removesuffix("\r\n").split("\r\n")
    return response, json.loads(response.body), dict(line.split(": ", 1) for line in lines)


def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    violations = [Violation("/email", "Field required", "missing"), Violation("/a~1b", "No", "no")]
    response, body, headers = answer(RequestError("Two things.", code=VALIDATION_FAILED, violations=violations))
    assert response.status == 422
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert body == {
        "type": "https://clarivum.com/errors/validation_failed",
        "title": VALIDATION_FAILED.title,
        "status": 422,
        "detail": "Two things.",
        "instance": "/api/v1/things",
        "code": "validation_failed",
        "request_id": "f" * 32,
        "errors": [
            {"pointer": "/email", "message": "Field required", "code": "missing"},
            {"pointer": "/a~1b", "message": "No", "code": "no"},
        ],
    }


@pytest.mark.parametrize("code", REGISTRY.values(), ids=lambda code: code.name)
def test_every_code_can_be_answered(code: Any) -> None:
    response, body, _ = answer(RequestError("x", code=code))
    assert (response.status, body["code"]) == (code.status, code.name)


def test_a_challenge_says_which_scheme_to_use() -> None:
    assert answer(RequestError("x", code=UNAUTHENTICATED))[2]["www-authenticate"] == 'Bearer realm="clarivum"'
    assert 'error="invalid_token"' in answer(RequestError("x", code=INVALID_TOKEN))[2]["www-authenticate"]


def test_who_may_come_back_is_told_when() -> None:
    assert answer(RequestError("x", code=RATE_LIMITED, retry_after_s=42))[2]["retry-after"] == "42"
    assert answer(RequestError("x", code=UNAVAILABLE))[2]["retry-after"] == "1"
    assert "retry-after" not in answer(RequestError("x", code=VALIDATION_FAILED))[2]


@pytest.mark.parametrize("error", [ValueError("s3cret"), ConfigurationError("s3cret"), RequestError("x", log="s3cret")])
def test_what_is_not_the_callers_stays_here(error: Exception) -> None:
    shown = error if isinstance(error, RequestError) else concealed(error)
    response, body, _ = answer(shown)
    assert (response.status, body["code"]) == (500, "internal_error")
    assert b"s3cret" not in response.body


def test_a_dependency_that_is_down_is_no_fault_of_the_request() -> None:
    assert answer(DependencyDownError("postgresql://user:s3cret@db"))[1]["code"] == "unavailable"
    assert b"s3cret" not in answer(DependencyDownError("postgresql://user:s3cret@db"))[0].body


def test_names_from_the_caller_can_always_be_written() -> None:
    violations = [Violation("/\ud800", "é\udfff", "x")]
    error = RequestError("x", code=VALIDATION_FAILED, violations=violations)
    body = answer(error, instance="/" + "x" * 9_000)[1]
    assert body["errors"][0] == {"pointer": "/?", "message": "é?", "code": "x"}
    assert len(body["instance"]) == 2_000
