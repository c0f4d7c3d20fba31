"""Pydantic's findings as violations: where, what, and a stable code; never the value that failed."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from clarivum.api.contract import NO_NUL
from clarivum.errors import Violation

MAX_VIOLATIONS = 100


def violations_of(error: ValidationError, document: Any) -> list[Violation]:
    """Every failure in a JSON document, with an RFC 6901 pointer to it."""
    return [_violation(pointer_to(_path(problem, document)), problem) for problem in _problems(error)]


def parameter_violations(error: ValidationError, sources: dict[str, str]) -> list[Violation]:
    """Every failure among parameters; `sources` tells for each name whether it is `path` or `query`."""
    found = []
    for problem in _problems(error):
        name = str(problem["loc"][0])
        found.append(_violation(f"{sources.get(name, 'query')}:{name[:80]}", problem))
    return found


def pointer_to(path: Sequence[str | int]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _problems(error: ValidationError) -> Sequence[Any]:
    return error.errors(include_input=False, include_url=False)


def _violation(pointer: str, problem: Any) -> Violation:
    kind = str(problem["type"])
    if kind == "string_pattern_mismatch" and problem["ctx"]["pattern"] == NO_NUL:
        return Violation(pointer, "Text must not contain NUL", "nul_character")
    return Violation(pointer, str(problem["msg"]).removeprefix("Value error, "), kind)


def _path(problem: Any, document: Any) -> list[str | int]:
    """The location without the steps that name a branch of a union instead of a place in the document."""
    path: list[str | int] = []
    here = document
    for step in problem["loc"]:
        if _holds(here, step):
            here = here[step]
        elif problem["type"] != "missing" or step is not problem["loc"][-1]:
            continue
        path.append(step)
    return path


def _holds(here: Any, step: str | int) -> bool:
    if isinstance(here, list):
        return isinstance(step, int) and step < len(here)
    return isinstance(here, dict) and step in here
