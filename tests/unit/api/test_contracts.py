"""What every contract holds, whatever its fields say."""

from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid4

import pytest
from pydantic import AwareDatetime, EmailStr, Field, StringConstraints, ValidationError

from clarivum.api import Contract
from clarivum.api.contract import MAX_ITEMS, MAX_TEXT_CHARACTERS


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Contract):
    text: str = ""
    at: datetime | None = None


class Everything(Contract):
    id: UUID
    text: str = ""
    code: Annotated[str, StringConstraints(pattern=r"^[a-z]+$", max_length=3)] = "abc"
    email: EmailStr | None = None
    colour: Colour = Colour.RED
    numbers: list[float] = []
    names: dict[str, str] = {}
    inner: Inner | None = None
    inners: list[Inner] = []
    at: datetime | None = None
    later: AwareDatetime | None = None
    day: date | None = None
    long: Annotated[str, Field(max_length=20_000)] = ""


class Tree(Contract):
    label: str
    children: list["Tree"] = []


def fails(**values: object) -> set[str]:
    with pytest.raises(ValidationError) as raised:
        Everything(id=uuid4(), **values)  # type: ignore[arg-type]
    return {problem["type"] for problem in raised.value.errors()}


def test_text_is_bounded_unless_the_field_says_how() -> None:
    assert fails(text="x" * (MAX_TEXT_CHARACTERS + 1)) == {"string_too_long"}
    assert fails(code="abcd") == {"string_too_long"}
    assert Everything(id=uuid4(), long="x" * 20_000).long


def test_collections_are_bounded() -> None:
    assert fails(numbers=[0.0] * (MAX_ITEMS + 1)) == {"too_long"}
    assert fails(names={str(number): "" for number in range(MAX_ITEMS + 1)}) == {"too_long"}
    assert fails(names={"n" * 201: ""}) == {"string_too_long"}


@pytest.mark.parametrize(
    "values",
    [
        {"text": "a\x00b"},
        {"code": "a\x00"},
        {"names": {"a": "\x00"}},
        {"inner": {"text": "\x00"}},
        {"inners": [{"text": "\x00"}]},
    ],
)
def test_text_holds_no_nul(values: dict[str, object]) -> None:
    assert fails(**values) == {"string_pattern_mismatch"}


def test_a_recursive_contract_is_bounded_all_the_way_down() -> None:
    with pytest.raises(ValidationError, match="string_pattern_mismatch"):
        Tree.model_validate({"label": "a", "children": [{"label": "b", "children": [{"label": "\x00"}]}]})


def test_text_holds_no_lone_surrogate() -> None:
    assert fails(text="\ud800") == {"string_unicode"}


def test_numbers_are_finite() -> None:
    assert fails(numbers=[float("nan")]) == {"finite_number"}
    assert fails(numbers=[float("inf")]) == {"finite_number"}


def test_unknown_members_are_refused_and_instances_are_immutable() -> None:
    assert fails(nonsense=1) == {"extra_forbidden"}
    with pytest.raises(ValidationError, match="frozen"):
        Everything(id=uuid4()).text = "changed"  # type: ignore[misc]


@pytest.mark.parametrize("field", ["at", "later"])
def test_times_are_written_in_utc_with_z(field: str) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=2)))
    everything = Everything(id=uuid4(), inner=Inner(at=noon), **{field: noon})  # type: ignore[arg-type]
    assert getattr(everything, field).tzinfo is UTC
    text = everything.model_dump_json()
    assert f'"{field}":"2026-11-23T10:00:00Z"' in text
    assert '"inner":{"text":"","at":"2026-11-23T10:00:00Z"}' in text


def test_a_time_without_an_offset_is_refused() -> None:
    assert fails(at=datetime(2026, 11, 23)) == {"timezone_aware"}


@pytest.mark.parametrize(
    "text",
    ["2026-11-23T12:00:00+02:00", "2026-11-23t10:00:00z", "2026-11-23 10:00:00.000Z", "2026-11-23T10:00:00-00:00"],
)
def test_a_time_is_read_as_rfc_3339_has_it(text: str) -> None:
    assert Inner.model_validate_json(f'{{"at": "{text}"}}', strict=True).at == datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        '"1700000000"',
        "1700000000",
        '"2026-11-23"',
        '"2026-11-23T10:00Z"',
        '"2026-11-23_10:00:00Z"',
        '"2026-02-30T10:00:00Z"',
        '"2026-11-23T10:00:60Z"',
        '"2026-11-23T10:00:00"',
        '"now"',
        "true",
    ],
)
def test_no_other_spelling_of_a_time_is_read(value: str) -> None:
    with pytest.raises(ValidationError):
        Inner.model_validate_json(f'{{"at": {value}}}', strict=True)


def test_a_row_of_python_values_is_accepted_as_it_is() -> None:
    assert Everything(id=uuid4(), colour="blue", day=date(2026, 11, 23)).colour is Colour.BLUE  # type: ignore[arg-type]


def test_the_schema_says_what_is_enforced() -> None:
    schema = Everything.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["properties"]["text"]["maxLength"] == MAX_TEXT_CHARACTERS
    assert schema["properties"]["code"]["pattern"] == "^[a-z]+$"
    assert schema["properties"]["numbers"]["maxItems"] == MAX_ITEMS
    assert schema["properties"]["at"]["anyOf"][0] == {"format": "date-time", "type": "string"}


def test_a_message_about_a_value_does_not_repeat_it() -> None:
    with pytest.raises(ValidationError) as raised:
        Everything(id=uuid4(), code="S3CRET")
    assert "S3CRET" not in str(raised.value)
