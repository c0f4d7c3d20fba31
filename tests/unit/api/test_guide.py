"""What the guide shows is true: its code declares routes, its problem is what such a body gets."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from clarivum.api import Route
from clarivum.api.access import SIGNED_IN_RATE, SIGNED_RATE
from clarivum.api.json_body import read_body
from clarivum.api.problem import problem
from clarivum.api.route import Verb
from clarivum.errors import RequestError

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "api.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "guide", "__file__": str(GUIDE)}
    for block in blocks("python"):
        exec(compile(block, "guide", "exec"), names)
    return names


def test_the_code_of_the_guide_declares_its_routes(declared: dict[str, Any]) -> None:
    routes = {name: value for name, value in declared.items() if isinstance(value, Route)}
    assert set(routes) == {"add_note", "list_notes", "change_note", "receive_stripe_event"}
    assert routes["add_note"].idempotent


def test_the_guide_names_every_option_of_a_verb_and_the_default_rate() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    table = text.partition("| option | default | |")[2].partition("\n\n")[0]
    options = [name for name in inspect.signature(Verb.__call__).parameters if name not in {"self", "path"}]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(options)
    assert f"the access's: {SIGNED_IN_RATE};" in table
    assert SIGNED_IN_RATE == SIGNED_RATE


def test_the_problem_of_the_guide_is_the_one_answered(declared: dict[str, Any]) -> None:
    shown = json.loads(blocks("json")[0])
    with pytest.raises(RequestError) as raised:
        read_body(declared["NewNote"].__pydantic_validator__, b'{"colour": "red"}')
    answer = problem(raised.value, instance="/api/v1/notes", request_id=shown["request_id"])
    assert json.loads(answer.body) == shown
