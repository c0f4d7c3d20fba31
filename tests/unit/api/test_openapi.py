"""The document says what the routes do, is the same every time, and its page needs nothing from elsewhere."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import jsonschema_rs
import pytest
from pydantic import EmailStr, Field

from clarivum.api import (
    Contract,
    IfMatch,
    NewestFirst,
    Page,
    Reply,
    Route,
    anyone,
    authenticated,
    delete,
    get,
    patch,
    post,
    role,
)
from clarivum.api.openapi.document import document_bytes, openapi_document
from clarivum.api.openapi.reference_page import reference_page
from clarivum.database import Session, Transaction
from clarivum.errors import CONFLICT


class Part(Contract):
    weight_kg: Annotated[float, Field(gt=0, le=50)]
    note: str | None = None


class NewThing(Contract):
    """What makes a thing."""

    email: EmailStr
    """Whom to tell."""
    parts: list[Part] = []


class Thing(Contract):
    id: UUID
    parts: list[Part]
    created_at: datetime
    gone_at: datetime | None


@post("/api/v1/things", access=anyone(rate="10/minute"), status_code=201, idempotent=True, problems=[CONFLICT])
async def make_thing(body: NewThing, tx: Transaction) -> Reply[Thing]:
    """Make a `thing` <b>.

    And tell <somebody>.
    """
    raise NotImplementedError


@get("/api/v1/things", access=authenticated())
async def list_things(page: NewestFirst, session: Session, tags: list[str] | None = None) -> Page[Thing]: ...


@patch("/api/v1/things/{thing_id}", access=role("editor", "admin"))
async def change_thing(thing_id: UUID, body: Part, tx: Transaction, revision: IfMatch) -> Thing: ...


@delete("/api/v1/things/{thing_id}", access=role("admin"), status_code=204)
async def drop_thing(thing_id: UUID, tx: Transaction) -> None: ...


@dataclass(frozen=True)
class SmallApplication:
    name: str
    routes: tuple[Route, ...]


APPLICATION = SmallApplication("things", (make_thing, list_things, change_thing, drop_thing))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(APPLICATION)


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({**schema, "components": document["components"]})


def test_the_same_declarations_give_the_same_bytes(document: dict[str, Any]) -> None:
    assert document_bytes(openapi_document(APPLICATION)) == document_bytes(document)
    assert document_bytes(document).endswith(b"}\n")


def test_every_route_is_there_with_its_id_and_its_caller(document: dict[str, Any]) -> None:
    operations = {
        operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()
    }
    assert set(operations) == {"make_thing", "list_things", "change_thing", "drop_thing"}
    assert operations["make_thing"]["security"] == []
    assert operations["list_things"]["security"] == [{"bearer": []}, {"session": []}]
    assert operations["change_thing"]["security"] == [{"bearer": ["admin", "editor"]}, {"session": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["components"]["securitySchemes"]["session"]["in"] == "cookie"


def test_scopes_stand_beside_the_callers_who_need_them() -> None:
    @get("/api/v1/all", access=authenticated(scope="read:things"))
    async def for_all() -> Thing: ...

    @get("/api/v1/some", access=role("editor", machines="read:things"))
    async def for_machines() -> Thing: ...

    made = openapi_document(SmallApplication("scoped", (for_all, for_machines)))
    ways = {path: item["get"]["security"] for path, item in made["paths"].items()}
    assert ways["/api/v1/all"] == [{"bearer": [], "scope": ["read:things"]}, {"session": [], "scope": ["read:things"]}]
    assert ways["/api/v1/some"] == [
        {"bearer": ["editor"]},
        {"session": []},
        {"machine": ["editor"], "scope": ["read:things"]},
    ]
    assert {"bearer", "session", "machine", "scope"} == made["components"]["securitySchemes"].keys()
    assert "insufficient_scope" in made["paths"]["/api/v1/some"]["get"]["responses"]["403"]["description"]


def test_parameters_carry_their_constraints(document: dict[str, Any]) -> None:
    def parameters(path: str, verb: str) -> dict[str, Any]:
        return {parameter["name"]: parameter for parameter in document["paths"][path][verb]["parameters"]}

    listed = parameters("/api/v1/things", "get")
    assert listed["limit"]["schema"] == {"default": 20, "maximum": 100, "minimum": 1, "type": "integer"}
    assert listed["tags"]["schema"]["type"] == "array"
    changed = parameters("/api/v1/things/{thing_id}", "patch")
    assert (changed["thing_id"]["in"], changed["thing_id"]["schema"]["format"]) == ("path", "uuid")
    assert changed["If-Match"]["required"]
    assert not parameters("/api/v1/things", "post")["Idempotency-Key"]["required"]


def test_every_problem_a_route_can_answer_with_is_named(document: dict[str, Any]) -> None:
    def codes(path: str, verb: str) -> set[str]:
        return {
            code
            for status, response in document["paths"][path][verb]["responses"].items()
            if not status.startswith("2")
            for code in response["content"]["application/problem+json"]["examples"]
        }

    made = codes("/api/v1/things", "post")
    assert {"malformed_json", "validation_failed", "request_in_flight", "conflict", "rate_limited"} <= made
    assert "unauthenticated" not in made
    assert {"unauthenticated", "forbidden", "invalid_cursor"} <= codes("/api/v1/things", "get")
    assert {"revision_required", "revision_stale", "not_found"} <= codes("/api/v1/things/{thing_id}", "patch")
    named = set(document["components"]["examples"])
    assert all(codes(path, verb) <= named for path, item in document["paths"].items() for verb in item)


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    checked = 0
    for item in document["paths"].values():
        for operation in item.values():
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                for content in holder.get("content", {}).values():
                    if "example" in content:
                        schema = {**content["schema"], "components": document["components"]}
                        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(content["example"])
                        checked += 1
    assert checked == 5
    for example in document["components"]["examples"].values():
        schema = {**document["components"]["schemas"]["Problem"], "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(example["value"])


def test_contracts_of_one_name_are_told_apart() -> None:
    def another() -> Route:
        class Thing(Contract):
            other: int

        globals()["OtherThing"] = Thing

        @get("/other", access=authenticated())
        async def other_thing() -> "OtherThing": ...  # type: ignore[name-defined]  # noqa: F821

        return other_thing

    document = openapi_document(SmallApplication("things", (*APPLICATION.routes, another())))
    names = [name for name in document["components"]["schemas"] if name.endswith("Thing")]
    assert len(names) == len(set(names)) == 3


def test_the_page_shows_every_route_and_loads_nothing(document: dict[str, Any]) -> None:
    page = reference_page(document).decode()
    for route in APPLICATION.routes:
        assert f'id="{route.name}"' in page
    assert "<b>" not in page
    assert "Make a `thing` &lt;b&gt;" in page
    assert not re.search(r"<(script|link|img|iframe|object|embed)|@import|url\(|\bsrc=", page)
    links = set(re.findall(r'href="([^"]*)"', page))
    assert all(link.startswith("#") or link == "/openapi.json" for link in links)
    anchors = set(re.findall(r'id="([^"]*)"', page))
    assert {link[1:] for link in links if link.startswith("#")} <= anchors
    assert json.dumps("someone@example.org").replace('"', "&quot;") in page
