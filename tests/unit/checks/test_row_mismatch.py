"""Columns as the server describes them, against row classes as Pydantic does."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import EmailStr, StringConstraints, create_model

from clarivum.api import Contract
from clarivum.checks.rules.database.query_row_mismatch import mismatches
from clarivum.database.planning import ResultColumn

Short = Annotated[str, StringConstraints(max_length=80)]


class Status(StrEnum):
    OPEN = "open"


class Utm(Contract):
    source: str


def said(kind: Any, column: ResultColumn) -> list[str]:
    return list(mismatches(create_model("Row", __base__=Contract, value=(kind, ...)), (column,)))


def value(type: str, category: str = "X", *, nullable: bool | None = False) -> ResultColumn:
    return ResultColumn("value", type, category, nullable)


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("text", str),
        ("text", Short),
        ("text", EmailStr),
        ("varchar", Status),
        ("text", Literal["open", "done"]),
        ("uuid", UUID),
        ("int4", int),
        ("int8", int),
        ("numeric", Decimal),
        ("float8", float),
        ("bool", bool),
        ("timestamptz", datetime),
        ("date", date),
        ("jsonb", Utm),
        ("jsonb", dict[str, int]),
        ("text", Any),
        ("unknown_extension_type", str),
    ],
)
def test_types_that_fit(type: str, kind: Any) -> None:
    assert said(kind, value(type)) == []


@pytest.mark.parametrize(
    ("type", "kind", "takes"),
    [
        ("uuid", str, "string"),
        ("uuid", int, "integer"),
        ("text", int, "integer"),
        ("text", datetime, "string:date-time"),
        ("timestamptz", str, "string"),
        ("timestamptz", date, "string:date"),
        ("int4", str, "string"),
        ("bool", int, "integer"),
        ("int8", bool, "boolean"),
    ],
)
def test_types_that_do_not(type: str, kind: Any, takes: str) -> None:
    assert said(kind, value(type)) == [f"value is {type}, but Row.value takes {takes}"]


def test_arrays_and_enums_are_told_by_their_category() -> None:
    assert said(list[str], value("_text", "A")) == []
    assert said(str, value("_text", "A")) != []
    assert said(Status, value("lead_status", "E")) == []
    assert said(int, value("lead_status", "E")) != []


@pytest.mark.parametrize(("nullable", "kind", "fits"), [
    (True, str, False), (True, str | None, True), (False, str, True), (None, str, True), (False, str | None, True),
])  # fmt: skip
def test_null_is_judged_only_where_it_can_be_told(nullable: bool | None, kind: Any, fits: bool) -> None:
    assert (said(kind, value("text", nullable=nullable)) == []) is fits


def test_a_query_without_a_row_class_may_return_anything_once() -> None:
    assert list(mismatches(None, (value("text"),))) == []
    assert list(mismatches(None, (value("text"), value("text")))) == [
        "column value is returned twice; name one of them with `as`"
    ]
    assert list(mismatches(None, ())) == ["it returns no columns, though it is declared to return rows"]
