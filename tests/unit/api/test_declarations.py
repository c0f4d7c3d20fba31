"""A declaration that is incomplete or contradicts itself stops the import, and says which route it is."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import pytest

from clarivum.api import (
    Client,
    Contract,
    IfMatch,
    Keyset,
    NewestFirst,
    Page,
    PageRequest,
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
from clarivum.api.route import Handler
from clarivum.auth import Principal
from clarivum.database import Session, Transaction
from clarivum.errors import CONFLICT, DeclarationError


class Body(Contract):
    text: str


class Thing(Contract):
    id: UUID


ANYONE = anyone(rate="10/minute")


async def plain() -> Thing: ...
async def nothing() -> None: ...
async def with_body(body: Body) -> Thing: ...
async def two_bodies(body: Body, other: Body) -> Thing: ...
async def with_session_and_transaction(session: Session, tx: Transaction) -> Thing: ...
async def with_transaction(tx: Transaction) -> Thing: ...
async def unannotated(thing) -> Thing: ...  # type: ignore[no-untyped-def]
async def unknown(thing: object) -> Thing: ...
async def variadic(*things: int) -> Thing: ...
async def no_answer(): ...  # type: ignore[no-untyped-def]
async def wrong_answer() -> list[Thing]: ...
async def bare_reply() -> Reply: ...  # type: ignore[type-arg]
async def unresolved(body: "Nowhere") -> Thing: ...  # type: ignore[name-defined]  # noqa: F821
async def unordered_page(page: PageRequest) -> Page[Thing]: ...
async def page_without_request() -> Page[Thing]: ...
async def request_without_page(page: NewestFirst) -> Thing: ...
async def with_revision(revision: IfMatch) -> Thing: ...
async def defaulted(tx: Transaction = None) -> Thing: ...  # type: ignore[assignment]
async def complex_path(thing_id: Body) -> Thing: ...
async def reserved(page: NewestFirst, limit: int) -> Page[Thing]: ...
async def awkward(copy: str) -> Thing: ...
def not_async() -> Thing: ...


Declare = Callable[[Handler], Route]


@pytest.mark.parametrize(
    ("declare", "handler", "message"),
    [
        (get("/a"), plain, "who may call it is not declared"),
        (get("/a", access=anyone()), plain, "the rate is unbounded"),
        (get("a", access=ANYONE), plain, "a path is /segments"),
        (get("/a/", access=ANYONE), plain, "a path is /segments"),
        (get("/a/{B}", access=ANYONE), plain, "a path is /segments"),
        (get("/a/x{b}", access=ANYONE), plain, "a path is /segments"),
        (get("/{a}/{a}", access=ANYONE), plain, "one parameter twice"),
        (get("/{thing_id}", access=ANYONE), plain, "is not a parameter of the handler"),
        (get("/{thing_id}", access=ANYONE), complex_path, "path parameter 'thing_id' must be"),
        (get("/a", access=ANYONE), not_async, "must be `async def`"),
        (get("/a", access=ANYONE), unannotated, "'thing' has no annotation"),
        (get("/a", access=ANYONE), unknown, "'thing': object is neither"),
        (get("/a", access=ANYONE), variadic, "must be an ordinary named parameter"),
        (get("/a", access=ANYONE), no_answer, "the return annotation is missing"),
        (get("/a", access=ANYONE), wrong_answer, "must be a Contract, Page"),
        (get("/a", access=ANYONE), bare_reply, "Reply needs its contract"),
        (post("/a", access=ANYONE), unresolved, "'Nowhere' cannot be resolved"),
        (get("/a", access=ANYONE), unordered_page, "needs the order of its list"),
        (get("/a", access=ANYONE), page_without_request, "go together"),
        (get("/a", access=ANYONE), request_without_page, "go together"),
        (get("/a", access=ANYONE), reserved, "'limit' is the page's own"),
        (get("/a", access=ANYONE), awkward, "'copy' cannot be read under this name"),
        (get("/a", access=ANYONE), with_body, "a GET request has no body"),
        (delete("/a", access=ANYONE), with_body, "a DELETE request has no body"),
        (post("/a", access=ANYONE), two_bodies, "both ask for the body"),
        (post("/a", access=ANYONE), with_session_and_transaction, "not both"),
        (post("/a", access=ANYONE), defaulted, "cannot have a default"),
        (post("/a", access=ANYONE, idempotent=True), with_body, "idempotent needs `tx: Transaction`"),
        (get("/a", access=ANYONE, idempotent=True), with_transaction, "a GET has no effect"),
        (patch("/a", access=ANYONE), with_revision, "access=anyone has none"),
        (post("/a", access=ANYONE, status_code=204), plain, "go together"),
        (post("/a", access=ANYONE), nothing, "go together"),
        (post("/a", access=ANYONE, status_code=302), plain, "is no success"),
        (post("/a", access=ANYONE, timeout_s=0), plain, "timeout_s"),
        (post("/a", access=ANYONE, as_worker=" "), plain, "as_worker is the reason"),
        (post("/a", access=ANYONE, rate="often"), plain, "rate 'often' is not a bound"),
        (post("/a", access=role("admin", "ops")), with_body, "what staff changes needs `tx: Transaction`"),
    ],
)
def test_an_incomplete_declaration_names_its_route(declare: Declare, handler: Any, message: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        declare(handler)
    assert message in raised.value.detail
    assert handler.__name__ in raised.value.detail
    assert f"test_declarations.py:{handler.__code__.co_firstlineno}" in raised.value.detail


@pytest.mark.parametrize("rate", ["0/minute", "-1/minute", "10", "10/fortnight", "1/0 seconds", "1e3/minute", ""])
def test_a_rate_is_a_positive_bound(rate: str) -> None:
    with pytest.raises(DeclarationError, match="is not a bound"):
        authenticated(rate=rate)


@pytest.mark.parametrize(
    ("text", "limit", "window_s"),
    [("10/minute", 10, 60), ("5 / second", 5, 1), ("5000/10 seconds", 5_000, 10), ("1/day", 1, 86_400)],
)
def test_a_rate_reads_as_it_is_spoken(text: str, limit: int, window_s: int) -> None:
    rate = authenticated(rate=text).rate
    assert rate is not None
    assert (rate.limit, rate.window_s) == (limit, window_s)


def test_a_role_must_be_known() -> None:
    with pytest.raises(DeclarationError, match="names no role"):
        role()
    with pytest.raises(DeclarationError, match="the roles are member"):
        role("emperor")


def test_a_keyset_has_bounds_before_its_first_row() -> None:
    with pytest.raises(DeclarationError, match="descending str has no bound"):
        Keyset.descending(name=str)
    with pytest.raises(DeclarationError, match="at least one column"):
        Keyset.ascending()


def test_a_complete_declaration_keeps_everything_a_check_may_ask() -> None:
    @post("/api/v1/things/{thing_id}", access=role("editor"), status_code=201, idempotent=True, problems=[CONFLICT])
    async def make_thing(
        thing_id: UUID, body: Body, tx: Transaction, principal: Principal, client: Client, dry: bool = False
    ) -> Thing:
        """Make a thing.

        Once.
        """
        raise NotImplementedError

    assert isinstance(make_thing, Route)
    assert (make_thing.method, make_thing.path, make_thing.status) == ("POST", "/api/v1/things/{thing_id}", 201)
    assert (make_thing.name, make_thing.summary, make_thing.description) == ("make_thing", "Make a thing", "Once.")
    assert str(make_thing.access) == "role editor, with a second factor"
    assert make_thing.problems == (CONFLICT,)
    assert [(parameter.name, str(parameter.source)) for parameter in make_thing.parameters] == [
        ("thing_id", "path"),
        ("body", "body"),
        ("tx", "transaction"),
        ("principal", "principal"),
        ("client", "client"),
        ("dry", "query"),
    ]
    assert make_thing.file.name == "test_declarations.py"
    with pytest.raises(AttributeError):
        make_thing.path = "/elsewhere"  # type: ignore[misc]


def test_annotations_may_be_text() -> None:
    @get("/things", access=ANYONE)
    async def list_things(
        page: "Annotated[PageRequest, Keyset.ascending(created_at=datetime)]", tags: "list[str] | None" = None
    ) -> "Page[Thing]":
        raise NotImplementedError

    assert [parameter.repeated for parameter in list_things.parameters] == [False, True]


def test_routes_for_staff_ask_for_a_second_factor_unless_said() -> None:
    assert role("admin").mfa
    assert role("editor", "ops").mfa
    assert not role("member").mfa
    assert not role("member", "admin").mfa
    assert not role("admin", mfa=False).mfa
    assert role("member", mfa=True).mfa
    assert authenticated(mfa=True).mfa
    assert not anyone(rate="1/minute").mfa
