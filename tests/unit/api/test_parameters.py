"""Path and query parameters: one spelling for each value, all failures at once, and cursors only we can make."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import Field, StringConstraints

from clarivum.api import Contract, Keyset, NewestFirst, Page, PageRequest, anyone, get
from clarivum.api.cursor import CursorSeal
from clarivum.api.parameters import ParameterReader
from clarivum.errors import RequestError

ANYONE = anyone(rate="10/minute")
SEAL = CursorSeal(b"k" * 32)
ID = UUID("3f1c9a52-7d7e-4b0a-9c55-0d7c2f6f1a10")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Thing(Contract):
    id: UUID
    created_at: datetime


@get("/things/{thing_id}", access=ANYONE)
async def one_thing(
    thing_id: UUID,
    colour: Colour = Colour.RED,
    size: Annotated[int, Field(ge=1, le=10)] = 1,
    price: Decimal | None = None,
    weight: float | None = None,
    fresh: bool = False,
    since: datetime | None = None,
    text: Annotated[str, StringConstraints(max_length=5)] | None = None,
    tags: list[str] | None = None,
    order: Literal["up", "down"] = "up",
) -> Thing: ...


@get("/things", access=ANYONE)
async def all_things(page: NewestFirst, colour: Colour | None = None) -> Page[Thing]: ...


@get("/names", access=ANYONE)
async def all_names(page: Annotated[PageRequest, Keyset.ascending(name=str, number=int)]) -> Page[Thing]: ...


ONE = ParameterReader("one", one_thing.signature)
ALL = ParameterReader("all", all_things.signature)
NAMES = ParameterReader("names", all_names.signature)


def one(query: str, thing_id: bytes = str(ID).encode()) -> dict[str, Any]:
    return ONE.read({"thing_id": thing_id}, query.encode(), None)


def page(query: str = "", reader: ParameterReader = ALL) -> PageRequest:
    request = reader.read({}, query.encode(), SEAL)["page"]
    assert isinstance(request, PageRequest)
    return request


def refused(query: str, thing_id: bytes = str(ID).encode()) -> list[tuple[str, str]]:
    with pytest.raises(RequestError) as raised:
        one(query, thing_id)
    assert raised.value.code.name == "invalid_parameter"
    return [(violation.pointer, violation.code) for violation in raised.value.violations]


def test_values_arrive_as_their_types() -> None:
    values = one(
        "colour=blue&size=7&price=1.50&weight=-2e3&fresh=true&since=2026-11-23T12:00:00%2B02:00&text=a+%C3%A9&tags=a&tags=b&order=down"
    )
    assert values == {
        "thing_id": ID,
        "colour": Colour.BLUE,
        "size": 7,
        "price": Decimal("1.50"),
        "weight": -2000.0,
        "fresh": True,
        "since": datetime(2026, 11, 23, 10, tzinfo=UTC),
        "text": "a é",
        "tags": ["a", "b"],
        "order": "down",
    }


def test_defaults_hold_where_nothing_is_given() -> None:
    values = one("")
    assert (values["colour"], values["size"], values["tags"]) == (Colour.RED, 1, None)


@pytest.mark.parametrize(
    "query",
    [
        "size=+1",
        "size=%201",
        "size=1_0",
        "size=1.0",
        "size=01",
        "size=0x1",
        "size=%D9%A3",
        "size=99999999999999999999999",
        "fresh=1",
        "fresh=on",
        "fresh=True",
        "weight=nan",
        "weight=1e400",
        "weight=inf",
        "since=1700000000",
        "since=2026-11-23T12:00:00",
        "since=2026-11-23",
        "price=1e3",
        "price=NaN",
    ],
)
def test_a_value_has_one_spelling(query: str) -> None:
    assert [pointer for pointer, _ in refused(query)] == [f"query:{query.partition('=')[0]}"]


@pytest.mark.parametrize(
    "thing_id",
    [
        b"x",
        b"3f1c9a527d7e4b0a9c550d7c2f6f1a10",
        b"%7B3f1c9a52-7d7e-4b0a-9c55-0d7c2f6f1a10%7D",
        b"%00",
        b"%ff",
        b"a%2Fb",
    ],
)
def test_a_path_parameter_is_named_as_one(thing_id: bytes) -> None:
    assert [pointer for pointer, _ in refused("", thing_id)] == ["path:thing_id"]


def test_all_failures_are_named_at_once() -> None:
    assert sorted(refused("colour=green&size=11&text=toolong&nonsense=1", b"x")) == [
        ("path:thing_id", "spelling"),
        ("query:colour", "enum"),
        ("query:nonsense", "extra_forbidden"),
        ("query:size", "less_than_equal"),
        ("query:text", "string_too_long"),
    ]


@pytest.mark.parametrize(
    ("query", "violation"),
    [
        ("size=1&size=2", ("query:size", "repeated")),
        ("thing_id=1", ("query:thing_id", "extra_forbidden")),
        ("text=%00", ("query:text", "nul_character")),
        ("text=%ff", ("query:text", "not_utf8")),
        ("%ff=1", ("query:", "not_utf8")),
        ("&".join(f"a{number}=1" for number in range(101)), ("query:", "too_many")),
    ],
)
def test_a_query_that_cannot_be_read_is_refused(query: str, violation: tuple[str, str]) -> None:
    assert refused(query) == [violation]


def test_the_first_page_begins_before_every_row() -> None:
    request = page("limit=2")
    assert request.parameters == {
        "limit": 3,
        "after_created_at": "infinity",
        "after_id": UUID("ffffffff-ffff-ffff-ffff-ffffffffffff"),
    }
    assert page("", NAMES).parameters == {"limit": 21, "after_name": "", "after_number": -(2**63)}


def test_a_page_that_is_full_says_where_the_next_begins() -> None:
    moments = [datetime(2026, 11, 23, 12, 0, second, 123456, tzinfo=UTC) for second in (3, 2, 1)]
    rows = [Thing(id=ID, created_at=moment) for moment in moments]
    first = page("limit=2").of(rows)
    assert (first.items, page("limit=3").of(rows).next) == (rows[:2], None)
    following = page(f"limit=2&cursor={first.next}")
    assert following.parameters == {"limit": 3, "after_created_at": moments[1], "after_id": ID}


def test_rows_may_be_dicts_and_may_become_something_else() -> None:
    rows = [{"name": "é", "number": number} for number in range(3)]
    first = page("limit=2", NAMES).of(rows, into=lambda row: row["number"])
    assert first.items == [0, 1]
    assert page(f"limit=2&cursor={first.next}", NAMES).position == ("é", 1)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", ""])
def test_a_page_has_1_to_100_items(limit: str) -> None:
    with pytest.raises(RequestError) as raised:
        page(f"limit={limit}")
    assert [violation.pointer for violation in raised.value.violations] == ["query:limit"]


def cursor() -> str:
    rows = [Thing(id=ID, created_at=datetime(2026, 11, 23, 12, tzinfo=UTC))] * 2
    following = page("limit=1").of(rows).next
    assert following is not None
    return following


def refused_cursor(query: str, reader: ParameterReader = ALL, seal: CursorSeal = SEAL) -> str:
    with pytest.raises(RequestError) as raised:
        reader.read({}, query.encode(), seal)
    return raised.value.code.name


def test_every_changed_bit_of_a_cursor_is_noticed() -> None:
    good = cursor()
    for position, character in enumerate(good):
        changed = good[:position] + ("A" if character != "A" else "B") + good[position + 1 :]
        assert refused_cursor(f"cursor={changed}") == "invalid_cursor", position


@pytest.mark.parametrize("cursor", ["", "x", "%00", "a" * 2_000, "AAAA", "=" * 8, "%C3%A9"])
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    assert refused_cursor(f"cursor={cursor}") == "invalid_cursor"


def test_a_cursor_belongs_to_one_list_with_one_set_of_filters_and_one_key() -> None:
    good = cursor()
    assert page(f"cursor={good}&limit=50").position[1] == ID
    assert refused_cursor(f"cursor={good}&colour=red") == "invalid_cursor"
    assert refused_cursor(f"cursor={good}", NAMES) == "invalid_cursor"
    assert refused_cursor(f"cursor={good}", seal=CursorSeal(b"other" * 8)) == "invalid_cursor"
    assert refused_cursor(f"cursor={good}=") == "invalid_cursor"


def test_a_remembered_query_is_not_shared_between_requests() -> None:
    first = ALL.read({}, b"limit=5", SEAL)
    first["colour"] = "spoiled"
    assert ALL.read({}, b"limit=5", SEAL)["colour"] is None
