"""Row classes of every kind against columns: aliases, literals, elements, times, and what no schema says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyAddress,
    RootModel,
    create_model,
    model_validator,
)
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from clarivum.api import Contract
from clarivum.checks.rules.database.query_row_mismatch import compared, mismatches
from clarivum.database.planning import Column, ResultColumn
from clarivum.jobs import Payload


class Status(StrEnum):
    OPEN = "open"
    DONE = "done"


class Opaque:
    """A class that JSON has no word for."""


def column(kind: str, category: str = "X", nullable: bool | None = False, **more: Any) -> ResultColumn:
    return ResultColumn("value", kind, category, nullable, **more)


def said(kind: Any, given: ResultColumn, narrowed: frozenset[str] = frozenset()) -> list[str]:
    row = create_model("Row", __base__=Contract, value=(kind, ...))
    return list(mismatches(row, (given,), narrowed=narrowed))


PLAIN = Column(1, "value", "jsonb", -1, False, "", 0)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (column("_text", "A", element="text"), list[str]),
        (column("_uuid", "A", element="uuid"), set[UUID]),
        (column("_int4", "A", element="int4"), tuple[int, ...]),
        (column("_jsonb", "A", element="jsonb"), list[dict[str, int]]),
        (column("_status", "A", element="status", labels=("open",)), list[Status]),
        (column("timetz"), time),
        (column("inet"), IPvAnyAddress),
        (column("inet"), IPv4Address),
        (column("numeric"), Decimal),
        (column("numeric"), float),
        (column("jsonb", column=PLAIN), dict[str, str] | list[str]),
        (column("jsonb"), int),
        (column("status", "E", labels=("open", "done")), Status),
        (column("status", "E", labels=("open", "done")), Literal["open", "done", "gone"]),
        (column("status", "E", labels=("open", "done")), str),
        (column("text", checks=("CHECK ((value = ANY (ARRAY['open'::text, 'done'::text])))",)), Status),
        (column("tsvector"), str),
    ],
)
def test_what_fits(given: ResultColumn, kind: Any) -> None:
    assert said(kind, given) == []


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (column("_text", "A", element="text"), list[int], "an array of text, but Row.value takes an array of integer"),
        (column("_text", "A", element="text"), dict[str, str], "value is _text, but Row.value takes object"),
        (column("numeric"), str, "value is numeric, but Row.value takes string"),
        (column("inet"), str, "value is inet, but Row.value takes string"),
        (column("cidr"), IPv4Address, "value is cidr"),
        (column("timetz"), datetime, "value is timetz"),
        (column("jsonb", column=PLAIN), str, "value is jsonb, but Row.value takes string"),
        (column("timestamp"), datetime, "without a zone, but Row.value takes a time with one"),
        (column("tstzrange", "R"), str, "which no field takes; select its lower() and upper()"),
        (column("status", "E", labels=("open", "gone")), Status, "may be 'gone', which Row.value does not take"),
        (column("status", "E", labels=("open",)), int, "value is status, but Row.value takes integer"),
        (
            column("text", checks=("CHECK ((value = ANY (ARRAY['open'::text, 'it''s'::text])))",)),
            Literal["open"],
            """may be "it's", which Row.value does not take""",
        ),
    ],
)
def test_what_does_not(given: ResultColumn, kind: Any, message: str) -> None:
    (only,) = said(kind, given)
    assert message in only


def test_values_that_the_statement_leaves_out_need_not_be_taken() -> None:
    given = column("status", "E", labels=("open", "gone"))
    assert said(Status, given, compared("select value from t where t.value = 'open'")) == []
    assert said(Status, given, compared("select value from t where id = 'open'")) != []


def names(row: type, *columns: str, note: Callable[[str], None] = lambda text: None) -> list[str]:
    return list(mismatches(row, tuple(ResultColumn(name, "text", "S", False) for name in columns), note))


def test_a_field_is_read_from_its_alias() -> None:
    class Camel(Contract):
        model_config = ConfigDict(alias_generator=to_camel)
        first_name: str

    class Both(Camel):
        model_config = ConfigDict(populate_by_name=True)

    class Choices(Contract):
        first_name: str = Field(validation_alias=AliasChoices("given", "first"))

    assert names(Camel, "firstName") == []
    assert names(Camel, "first_name") == [
        "column first_name is no field of Camel",
        "Camel needs first_name, which it does not return",
    ]
    assert names(Both, "first_name") == names(Both, "firstName") == []
    assert names(Choices, "first") == []
    assert names(Choices, "first_name") != []


def test_a_payload_a_dataclass_and_a_typed_dict_are_row_classes_too() -> None:
    class Tidy(Payload):
        note_id: UUID

    @dataclass
    class Point:
        x: str
        y: int = 0

    class Named(TypedDict):
        name: str

    assert names(Tidy, "note_id") == ["note_id is text, but Tidy.note_id takes string:uuid"]
    assert names(Point, "x") == []
    assert names(Point, "y") == ["Point needs x, which it does not return", "y is text, but Point.y takes integer"]
    assert names(Named, "name") == []
    assert names(Named, "other") == ["Named needs name, which it does not return"]
    assert names(Opaque, "x")[0].startswith("Opaque cannot be made of a row: ")


def test_a_field_without_a_schema_is_tried_instead_of_passed_over() -> None:
    class Held(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        opaque: Opaque
        number: int

    assert names(Held, "opaque", "number") == [
        "opaque is text, which Held.opaque does not take",
        "number is text, but Held.number takes integer",
    ]


def test_what_cannot_be_compared_is_noted() -> None:
    class Whole(RootModel[dict[str, str]]):
        pass

    class Remade(Contract):
        number: int

        @model_validator(mode="before")
        @classmethod
        def remake(cls, row: Any) -> Any:
            return row

    class Parsed(Contract):
        number: Annotated[int, BeforeValidator(int)]

    notes: list[str] = []
    for row in (Whole, Remade, Parsed):
        assert names(row, "number", note=notes.append) == []
    assert [note.partition(":")[0] for note in notes] == [
        "its columns cannot be compared with Whole",
        "its columns cannot be compared with Remade",
        "number cannot be compared with Parsed.number",
    ]
