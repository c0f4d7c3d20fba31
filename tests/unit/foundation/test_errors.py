"""Codes are registered once and speak the registry's language."""

import re

import pytest

from clarivum.errors import REGISTRY, RequestError, register


def test_a_code_is_never_registered_twice() -> None:
    with pytest.raises(ValueError, match="not_found"):
        register("not_found", 404, "x", "y")


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_code_says_what_it_is_and_what_to_do(name: str) -> None:
    code = REGISTRY[name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert 400 <= code.status <= 599
    assert not code.title.endswith(".")
    assert code.remedy.endswith((".", "?"))


def test_an_error_without_a_code_is_internal() -> None:
    assert RequestError("x").code.name == "internal_error"
