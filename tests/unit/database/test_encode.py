"""Parameters as Postgres' text format. That Postgres reads them back is tested against a real one."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from clarivum.database import Json
from clarivum.database.wire.encode import _element, encode
from clarivum.errors import VALIDATION_FAILED, RequestError


class Utm(BaseModel):
    """A model as a parameter."""

    campaign: str
    since: date | None = None


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Nothing(Enum):
    NONE = None


class Shout(str):
    """A subclass is encoded as its base."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("text", b"text"),
        (Shout("text"), b"text"),
        (True, b"t"),
        (False, b"f"),
        (12, b"12"),
        (1.5, b"1.5"),
        (float("inf"), b"inf"),
        (Decimal("1.50"), b"1.50"),
        (UUID(int=1), b"00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), b"2026-01-02T03:04:05+00:00"),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-3, minutes=-30))), b"2026-01-02T00:00:00-03:30"),
        (date(2026, 1, 2), b"2026-01-02"),
        (time(3, 4), b"03:04:00"),
        (timedelta(days=1, seconds=2, microseconds=3), b"1 days 2 seconds 3 microseconds"),
        (b"\x00\xff", b"\\x00ff"),
        (Colour.RED, b"red"),
        (Level.HIGH, b"3"),
        ({"a": [1, None]}, b'{"a":[1,null]}'),
        (
            {"at": datetime(2026, 1, 2, tzinfo=UTC), "n": Decimal("1.5")},
            b'{"at":"2026-01-02T00:00:00+00:00","n":"1.5"}',
        ),
        (Utm(campaign="spring"), b'{"campaign":"spring","since":null}'),
        ([Utm(campaign="spring")], b'[{"campaign":"spring","since":null}]'),
        ([{"a": 1}], b'[{"a":1}]'),
        (Json([1]), b"[1]"),
        (Json(None), b"null"),
        ([], b"{}\f"),
        ([1, None, 3], b'{"1",NULL,"3"}'),
        (("a\\b", 'c"d'), b'{"a\\\\b","c\\"d"}'),
        ([[1], [2]], b"{{1},{2}}"),
        (frozenset({7}), b"{7}"),
        ([date(2026, 1, 2)], b"{2026-01-02}"),
        ([True, False], b'{"t","f"}'),
        (["NULL", "", "a,b}"], b'{"NULL","","a,b}"}'),
    ],
)
def test_values(value: object, expected: bytes | None) -> None:
    assert encode(value) == expected


@pytest.mark.parametrize("value", [datetime(2026, 1, 2), [datetime(2026, 1, 2)], object(), Nothing.NONE])
def test_what_has_no_safe_encoding_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize(
    "wrap", [str, lambda t: [t], lambda t: {"k": t}, lambda t: {t: 1}, lambda t: {"k": [{"x": t}]}, Json]
)
def test_nul_and_surrogates_are_the_callers_fault(text: str, wrap: object) -> None:
    assert callable(wrap)
    with pytest.raises(RequestError) as refused:
        encode(wrap(text))
    assert refused.value.code is VALIDATION_FAILED


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_texts_at_once_are_what_they_are_one_by_one(texts: list[str]) -> None:
    assert encode(texts) == b"{" + b",".join(map(_element, texts)) + b"}"


def test_text_that_only_looks_like_an_escaped_nul_is_fine() -> None:
    assert encode({"k": "\\u0000"}) == b'{"k":"\\\\u0000"}'
