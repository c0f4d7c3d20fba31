"""Which changes of a schema messages in a queue survive."""

import json
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ConfigDict, create_model

from clarivum.jobs import Payload
from clarivum.jobs.compatibility import narrowings


class Tree(Payload):
    name: str
    children: "list[Tree]" = []


class NarrowTree(Payload):
    name: Annotated[str, MaxLen(3)]
    children: "list[NarrowTree]" = []


def schema(annotation: Any, default: Any = ...) -> dict[str, Any]:
    return create_model("Message", __base__=Payload, field=(annotation, default)).model_json_schema()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (int, float),
        (int, int | None),
        (str, Annotated[str, MinLen(0)]),
        (Annotated[str, MinLen(2), MaxLen(5)], Annotated[str, MinLen(1), MaxLen(5)]),
        (Annotated[int, Gt(5)], Annotated[int, Ge(5)]),
        (Annotated[int, Ge(1), Le(9)], Annotated[int, Ge(0)]),
        (Annotated[int, MultipleOf(4)], int),
        (Literal["a"], Literal["a", "b"]),
        (Literal["a", "bb"], Annotated[str, MaxLen(2)]),
        (Literal[1, 2], int),
        (list[int], list[int | str]),
        (tuple[int, str], list[int | str]),
        (dict[str, int], dict[str, float]),
        (int | str, str | None | int),
        (Tree, Tree),
        (NarrowTree, Tree),
        (str, Any),
    ],
)
def test_what_widens_is_accepted(old: Any, new: Any) -> None:
    assert narrowings(schema(old), schema(new)) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (float, int, "/field"),
        (int | None, int, "/field"),
        (str, bool, "/field"),
        (str, Annotated[str, MaxLen(5)], "/field"),
        (Annotated[int, Ge(5)], Annotated[int, Gt(5)], "/field"),
        (Annotated[int, Lt(5)], Annotated[int, Lt(4)], "/field"),
        (int, Annotated[int, MultipleOf(4)], "/field"),
        (Literal["a", "b"], Literal["a"], "/field"),
        (Literal["a", "bbb"], Annotated[str, MaxLen(2)], "/field"),
        (Literal[True], int, "/field"),
        (str, Literal["a"], "/field"),
        (list[int | str], list[int], "/field/*"),
        (list[int], tuple[int, int], "/field"),
        (dict[str, float], dict[str, int], "/field/*"),
        (int | str | None, str | None, "/field"),
        (Tree, NarrowTree, "/field/name"),
        (Any, str, "/field"),
    ],
)
def test_what_narrows_is_named_with_its_place(old: Any, new: Any, path: str) -> None:
    assert path in {narrowing.path for narrowing in narrowings(schema(old), schema(new))}


def test_fields_that_come_and_go() -> None:
    one, other = create_model("One", __base__=Payload, a=(int, ...)), create_model("Other", __base__=Payload)
    assert narrowings(one.model_json_schema(), other.model_json_schema()) == [("/a", "the field is not accepted")]
    assert narrowings(other.model_json_schema(), one.model_json_schema()) == [("/a", "the field is required")]
    defaulted = create_model("Defaulted", __base__=Payload, a=(int, 1))
    assert narrowings(other.model_json_schema(), defaulted.model_json_schema()) == []
    assert narrowings(defaulted.model_json_schema(), one.model_json_schema()) == [("/a", "the field is required")]


def test_what_is_not_understood_counts_as_narrower() -> None:
    assert narrowings({"type": "string"}, {"type": "string", "contentEncoding": "base64"})
    assert not narrowings({"type": "string", "contentEncoding": "base64"}, {"type": "string"})


# -- the promise itself: whatever is called compatible is -------------------------------------------------------------
TEXTS, NUMBERS = st.text("abé\n", max_size=4), st.integers(-3, 8)
KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, TEXTS),
    (Annotated[str, MinLen(1), MaxLen(3)], st.text("ab", min_size=1, max_size=3)),
    (int, NUMBERS),
    (Annotated[int, Ge(0), Lt(5)], st.integers(0, 4)),
    (float, st.one_of(NUMBERS, st.floats(-3, 8))),
    (bool, st.booleans()),
    (Literal["a", "b"], st.sampled_from("ab")),
    (Literal[1, "a"], st.sampled_from([1, "a"])),
    (int | None, st.none() | NUMBERS),
    (str | int, TEXTS | NUMBERS),
    (list[int], st.lists(NUMBERS, max_size=3)),
    (Annotated[list[str], MaxLen(2)], st.lists(TEXTS, max_size=2)),
    (tuple[int, str], st.tuples(NUMBERS, TEXTS).map(list)),
    (dict[str, int], st.dictionaries(TEXTS, NUMBERS, max_size=2)),
    (Tree, st.fixed_dictionaries({"name": TEXTS}, optional={"children": st.just([])})),
    (NarrowTree, st.fixed_dictionaries({"name": st.text("ab", max_size=3)}, optional={"children": st.just([])})),
    (Any, TEXTS | NUMBERS | st.none()),
]
FIELDS = st.dictionaries(st.sampled_from("xyz"), st.tuples(st.sampled_from(KINDS), st.booleans()), max_size=3)


def model(fields: dict[str, Any], *, open_ended: bool) -> type[Payload]:
    declared: Any = {name: (kind, None if optional else ...) for name, ((kind, _), optional) in fields.items()}
    if not open_ended:
        return create_model("Message", __base__=Payload, **declared)
    base: Any = type("Open", (Payload,), {"model_config": ConfigDict(extra="allow"), "__module__": __name__})
    return create_model("Message", __base__=base, **declared)


@st.composite
def changed(draw: st.DrawFn, fields: dict[str, Any]) -> dict[str, Any]:
    """Another version of some fields: one may be of another kind, one may be added."""
    result = dict(fields)
    for name, field in draw(FIELDS).items():
        if draw(st.integers(0, 2)) == 0:
            result[name] = (field[0], draw(st.sampled_from([True, True, False])))
    return result


@given(data=st.data(), old=FIELDS, open_ended=st.booleans())
def test_whatever_is_called_compatible_is(data: st.DataObject, old: Any, open_ended: bool) -> None:
    before, after = model(old, open_ended=False), model(data.draw(changed(old)), open_ended=open_ended)
    assume(not narrowings(before.model_json_schema(), after.model_json_schema()))
    written = data.draw(
        st.fixed_dictionaries(
            {name: values for name, ((_, values), optional) in old.items() if not optional},
            optional={name: values for name, ((_, values), optional) in old.items() if optional},
        )
    )
    message = json.dumps(written)
    before.model_validate_json(message)
    after.model_validate_json(message)
