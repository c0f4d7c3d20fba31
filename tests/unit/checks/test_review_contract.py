"""What breaks a caller, and what breaks messages that wait: schemas and documents compared."""

from typing import Any

import pytest

from clarivum.checks.review.contract import contract_changes
from clarivum.checks.review.json_schema import Flow, differences

Schema = dict[str, Any]
TEXT, NUMBER, WHOLE, NULL = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "null"}
OPEN = {"enum": ["open", "done"], "type": "string"}


def members(required: list[str] | None = None, /, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required or [], "additionalProperties": False}


@pytest.mark.parametrize(
    ("old", "new", "what", "breaks_in", "breaks_out"),
    [
        (members(a=TEXT), members(), "/a removed", True, True),
        (members(), members(a=TEXT), "/a new", False, False),
        (members(["a"], a=TEXT), members(a=TEXT), "/a may now be absent", False, True),
        (TEXT, WHOLE, "/ was string, is integer", True, True),
        (WHOLE, NUMBER, "/ was integer, is number", False, True),
        (NUMBER, WHOLE, "/ was number, is integer", True, False),
        (TEXT, {"anyOf": [TEXT, NULL]}, "/ may now be null", False, True),
        ({"anyOf": [TEXT, NULL]}, TEXT, "/ is no longer null", True, False),
        ({"type": ["string", "null"]}, TEXT, "/ is no longer null", True, False),
        (TEXT, {**TEXT, "maxLength": 5}, "/ maxLength 5", True, False),
        ({**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 9}, "/ maxLength 5 → 9", False, False),
        ({**WHOLE, "minimum": 1}, {**WHOLE, "minimum": 2}, "/ minimum 1 → 2", True, False),
        ({**WHOLE, "minimum": 2}, WHOLE, "/ no minimum any more", False, False),
        (TEXT, {**TEXT, "pattern": "^a"}, '/ pattern "^a"', True, False),
        ({**TEXT, "format": "uuid"}, TEXT, "/ no format any more", False, True),
        (OPEN, {**OPEN, "enum": ["open"]}, '/ is no longer "done"', True, False),
        (OPEN, {**OPEN, "enum": ["open", "done", "gone"]}, '/ may now be "gone"', False, True),
        ({"const": "a"}, {"const": "b"}, '/ is no longer "a"', True, False),
        (TEXT, OPEN, '/ is now one of "open", "done"', True, False),
        (OPEN, TEXT, "/ is no longer a listed value", False, True),
        ({"type": "array", "items": TEXT}, {"type": "array", "items": WHOLE}, "/* was string, is integer", True, True),
        (members(a=members(b=TEXT)), members(a=members()), "/a/b removed", True, True),
        ({"type": "object"}, members(), "/ takes no unknown members any more", True, False),
    ],
)
def test_a_difference_breaks_one_way_or_the_other(
    old: Schema, new: Schema, what: str, breaks_in: bool, breaks_out: bool
) -> None:
    for flow, breaks in ((Flow.IN, breaks_in), (Flow.OUT, breaks_out)):
        found = differences(old, new, flow, old_root={}, new_root={})
        told = {f"{each.path} {each.what}": each.breaking for each in found}
        assert told.get(what) is breaks, (flow, told)


def test_a_new_required_member_breaks_requests_alone() -> None:
    old, new = members(), members(["a"], a=TEXT)
    (request,) = differences(old, new, Flow.IN, old_root={}, new_root={})
    (answer,) = differences(old, new, Flow.OUT, old_root={}, new_root={})
    assert (request.what, request.breaking) == ("new, required", True)
    assert (answer.what, answer.breaking) == ("new", False)
    (later,) = differences(members(a=TEXT), new, Flow.IN, old_root={}, new_root={})
    assert (later.path, later.what, later.breaking) == ("/a", "is now required", True)


def test_titles_and_descriptions_are_nobody_s_business() -> None:
    old, new = {**TEXT, "title": "A", "description": "x"}, {**TEXT, "title": "B", "examples": ["y"]}
    assert differences(old, new, Flow.IN, old_root={}, new_root={}) == ()


def test_references_are_followed_on_both_sides_and_types_may_hold_themselves() -> None:
    def root(leaf: Schema) -> Schema:
        node = members(a=leaf, next={"anyOf": [{"$ref": "#/$defs/Node"}, NULL]}, twin={"$ref": "#/$defs/Node"})
        return {"$defs": {"Node": node}, "$ref": "#/$defs/Node"}

    old, new = root(TEXT), root(WHOLE)
    found = differences(old, new, Flow.IN, old_root=old, new_root=new)
    assert [each.path for each in found] == ["/a"]
    both = members(x={"$ref": "#/$defs/T"}, y={"$ref": "#/$defs/T"})
    found = differences(
        both, both, Flow.IN, old_root={"$defs": {"T": TEXT}}, new_root={"$defs": {"T": WHOLE}}
    )  # fmt: skip
    assert [each.path for each in found] == ["/x", "/y"]


def operation(**changed: Any) -> Schema:
    return {
        "parameters": [{"name": "limit", "in": "query", "required": False, "schema": WHOLE}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": members(a=TEXT)}}},
        "responses": {"200": {"content": {"application/json": {"schema": members(["a"], a=TEXT)}}}, "404": {}},
        "security": [{"bearer": []}],
    } | changed


def documents(old: Schema | None, new: Schema | None) -> tuple[Schema, Schema]:
    return tuple({"paths": {"/api/v1/x": {"post": each} if each else {}}} for each in (old, new))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("changed", "where", "what", "breaking"),
    [
        (None, "route", "removed", True),
        ({"security": []}, "access", "whoever is signed in → anyone", False),
        ({"security": [{"bearer": ["editor"]}]}, "access", "whoever is signed in → editor", True),
        ({"parameters": []}, "query limit", "removed", True),
        ({"requestBody": None}, "body", "removed", True),
        ({"responses": {"201": operation()["responses"]["200"]}}, "answer 200", "removed", True),
        ({"responses": {"200": {}}}, "answer 200", "application/json removed", True),
        ({"deprecated": True}, "route", "deprecated", False),
    ],
)
def test_a_change_of_a_route_is_told_with_what_it_breaks(
    changed: Schema | None, where: str, what: str, breaking: bool
) -> None:
    new = None if changed is None else operation(**changed)
    found = contract_changes(*documents(operation(), new))
    assert (where, what, breaking) in [(each.where, each.what, each.breaking) for each in found]
    assert {each.route for each in found} == {"POST /api/v1/x"}


@pytest.mark.parametrize(("required", "breaking"), [(True, True), (False, False)])
def test_a_new_parameter_breaks_when_it_is_required(required: bool, breaking: bool) -> None:
    parameter = {"name": "kind", "in": "query", "required": required, "schema": TEXT}
    new = operation(parameters=[*operation()["parameters"], parameter])
    (change,) = contract_changes(*documents(operation(), new))
    assert (change.where, change.breaking) == ("query kind", breaking)


@pytest.mark.parametrize(
    ("before", "after", "breaking"),
    [
        ([], [{"bearer": []}], True),
        ([{"bearer": ["admin"]}], [{"bearer": ["admin", "editor"]}], False),
        ([{"bearer": ["admin", "editor"]}], [{"bearer": ["admin"]}], True),
        ([{"bearer": ["admin"]}], [{"bearer": ["editor"]}], True),
        ([{"bearer": ["admin"]}], [{"bearer": []}], False),
    ],
)
def test_who_is_let_in_no_more_is_broken(before: list[Schema], after: list[Schema], breaking: bool) -> None:
    (change,) = contract_changes(*documents(operation(security=before), operation(security=after)))
    assert (change.where, change.breaking) == ("access", breaking)


def test_a_path_s_parameter_may_be_called_otherwise_and_must_not_become_narrower() -> None:
    def document(name: str, schema: Schema) -> Schema:
        parameter = {"name": name, "in": "path", "required": True, "schema": schema}
        return {"paths": {f"/api/v1/x/{{{name}}}": {"get": {"parameters": [parameter], "responses": {}}}}}

    assert contract_changes(document("id", TEXT), document("note_id", TEXT)) == ()
    (change,) = contract_changes(document("id", TEXT), document("note_id", {**TEXT, "format": "uuid"}))
    assert (change.route, change.where, change.breaking) == ("GET /api/v1/x/{note_id}", "path parameter 1", True)


def test_a_new_route_and_the_same_document_break_nobody() -> None:
    (change,) = contract_changes(*documents(None, operation()))
    assert (change.where, change.what, change.breaking) == ("route", "new", False)
    assert contract_changes(*documents(operation(), operation())) == ()
