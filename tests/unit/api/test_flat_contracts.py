"""Flat contracts are written byte for byte as Pydantic writes them, and others are left to Pydantic."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    EmailStr,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    computed_field,
    field_serializer,
    model_serializer,
    model_validator,
)

from clarivum.api import Contract
from clarivum.api.flat import is_flat, write_flat


class Colour(StrEnum):
    RED = "red"
    ODD = 'q"\n'


class Size(IntEnum):
    SMALL = 1


class Flat(Contract):
    id: UUID
    text: Annotated[str, StringConstraints(max_length=5_000)]
    email: EmailStr | None
    number: int
    ratio: float
    flag: bool
    colour: Colour
    size: Size
    kind: Literal["a", "b"]
    at: datetime
    day: date | None
    texts: list[str] = []
    names: dict[str, list[Colour]] = {}


class Validated(Contract):
    low: int
    high: int

    @model_validator(mode="after")
    def _ordered(self) -> "Validated":
        return self


class Inner(Contract):
    text: str


class Nested(Contract):
    inner: Inner | None = None


class NestedInList(Contract):
    inners: list[Inner] = []


class Recursive(Contract):
    children: "list[Recursive]" = []


class Aliased(Contract):
    text: Annotated[str, Field(serialization_alias="other")]


class Excluded(Contract):
    text: Annotated[str, Field(exclude=True)]


class Computed(Contract):
    text: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> str:
        return self.text * 2


class Cached(Contract):
    text: str

    @cached_property
    def secret(self) -> str:
        return self.text * 2


class WithSerializer(Contract):
    text: str

    @field_serializer("text")
    def _shout(self, text: str) -> str:
        return text.upper()


class WithOwnSerializer(Contract):
    text: str

    @model_serializer
    def _own(self) -> str:
        return self.text


class Shouted(Contract):
    text: Annotated[str, PlainSerializer(str.upper)]


class Precise(Contract):
    price: Decimal


class Lasting(Contract):
    time: timedelta


class Anything(Contract):
    value: JsonValue


@pytest.mark.parametrize("contract", [Flat, Validated, Inner])
def test_these_are_flat(contract: type[Contract]) -> None:
    assert is_flat(contract)


@pytest.mark.parametrize(
    "contract",
    [
        Nested,
        NestedInList,
        Recursive,
        Aliased,
        Excluded,
        Computed,
        Cached,
        WithSerializer,
        WithOwnSerializer,
        Shouted,
        Precise,
        Lasting,
        Anything,
    ],
)
def test_these_are_not(contract: type[Contract]) -> None:
    assert not is_flat(contract)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
FLAT = st.builds(
    Flat,
    id=st.uuids(),
    text=TEXT,
    email=st.sampled_from([None, "a@example.org"]),
    number=st.integers(-(2**63), 2**63 - 1),
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    flag=st.booleans(),
    colour=st.sampled_from(Colour),
    size=st.just(Size.SMALL),
    kind=st.sampled_from(["a", "b"]),
    at=st.datetimes(timezones=st.just(UTC)) | st.datetimes(datetime(1900, 1, 1), timezones=st.timezones()),
    day=st.none() | st.dates(),
    texts=st.lists(TEXT, max_size=3),
    names=st.dictionaries(TEXT, st.lists(st.sampled_from(Colour), max_size=2), max_size=3),
)
ADAPTER = TypeAdapter(list[Flat])


@given(st.lists(FLAT, max_size=3))
@settings(max_examples=400)
def test_the_bytes_are_pydantics(items: list[Flat]) -> None:
    assert write_flat(items) == ADAPTER.dump_json(items)  # type: ignore[arg-type]
