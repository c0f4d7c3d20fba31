"""What a payload may hold, and that whatever is accepted survives the queue."""

from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ValidationError, field_validator

from clarivum.jobs import MAX_PAYLOAD_BYTES, Payload, PayloadError
from clarivum.jobs.payload import decode, encode


class Address(BaseModel):
    line: str


class Everything(Payload):
    lead_id: UUID
    note: str = ""
    count: int = 0
    ratio: float = 0.0
    at: AwareDatetime | None = None
    sent_at: datetime | None = None
    tags: tuple[str, ...] = ()
    extra: dict[str, Any] = {}
    address: Address | None = None


LEAD = UUID("8c5f5b1e-6a43-4d0f-9a52-0d7c1d3a9b10")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"lead_id": "not a uuid"}, "lead_id"),
        ({"lead_id": str(LEAD)}, "lead_id"),
        ({}, "lead_id"),
        ({"lead_id": LEAD, "unknown": 1}, "unknown"),
        ({"lead_id": LEAD, "count": "1"}, "count"),
        ({"lead_id": LEAD, "count": True}, "count"),
        ({"lead_id": LEAD, "ratio": float("nan")}, "ratio"),
        ({"lead_id": LEAD, "ratio": float("inf")}, "ratio"),
        ({"lead_id": LEAD, "note": "a\x00b"}, "/note"),
        ({"lead_id": LEAD, "note": "\ud800"}, "note"),
        ({"lead_id": LEAD, "at": datetime(2026, 1, 1)}, "at"),
        ({"lead_id": LEAD, "sent_at": datetime(2026, 1, 1)}, "/sent_at"),
        ({"lead_id": LEAD, "tags": ("fine", "a\x00")}, "/tags/1"),
        ({"lead_id": LEAD, "extra": {"deep": [{"at": datetime(2026, 1, 1)}]}}, "/extra/deep/0/at"),
        ({"lead_id": LEAD, "extra": {"a\x00": 1}}, "/extra"),
        ({"lead_id": LEAD, "address": Address(line="\x00")}, "/address/line"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Everything(**fields)
    text = str(refused.value)
    assert path in text
    assert "not a uuid" not in text, "the value is not shown"


def test_a_payload_is_immutable() -> None:
    payload = Everything(lead_id=LEAD)
    with pytest.raises(ValidationError, match="frozen"):
        payload.note = "other"


@given(
    st.builds(
        Everything,
        lead_id=st.uuids(),
        note=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
        count=st.integers(-(2**53) + 1, 2**53 - 1),
        ratio=st.floats(allow_nan=False, allow_infinity=False),
        at=st.none() | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=45)))),
        tags=st.lists(st.text('abc"\\\n\u2028🙂', max_size=5), max_size=3).map(tuple),
    )
)
def test_what_is_accepted_comes_back_equal(payload: Everything) -> None:
    assert decode(Everything, encode(payload)) == payload


@pytest.mark.parametrize(
    ("around_validation", "pointer"),
    [
        (Everything.model_construct(lead_id=7), "/lead_id"),
        (Everything(lead_id=LEAD).model_copy(update={"note": "a\x00b"}), "/note"),
        (Everything(lead_id=LEAD).model_copy(update={"sent_at": datetime(2026, 1, 1)}), "/sent_at"),
        (Everything(lead_id=LEAD).model_copy(update={"note": "\udc00"}), ""),
        (Everything(lead_id=LEAD).model_copy(update={"extra": {"a": object()}}), ""),
        (Everything(lead_id=LEAD).model_copy(update={"note": "x" * MAX_PAYLOAD_BYTES}), ""),
    ],
)
def test_encoding_proves_what_was_made_around_validation(around_validation: Everything, pointer: str) -> None:
    with pytest.raises(PayloadError) as refused:
        encode(around_validation)
    assert pointer in [violation.pointer for violation in refused.value.violations]


def test_the_largest_payload_fits_and_a_byte_more_does_not() -> None:
    room = MAX_PAYLOAD_BYTES - len(encode(Everything(lead_id=LEAD)))
    assert len(encode(Everything(lead_id=LEAD, note="x" * room))) == MAX_PAYLOAD_BYTES
    with pytest.raises(PayloadError, match="store the data and pass its id"):
        encode(Everything(lead_id=LEAD, note="x" * (room + 1)))


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"lead_id": 1}', '{"lead_id": "' + str(LEAD) + '", "x": 1}'])
def test_an_unreadable_body_is_a_payload_error(body: str) -> None:
    with pytest.raises(PayloadError):
        decode(Everything, body)


class Grumpy(Payload):
    """Its validator fails in ways that Pydantic does not turn into a ValidationError."""

    text: str

    @field_validator("text")
    @classmethod
    def _look_up(cls, text: str) -> str:
        if text == "key":
            return {"a": "b"}[text]
        if text == "index":
            return list(text)[99]
        if text == "type":
            return text + 1  # type: ignore[operator]
        if text == "later" and cls.fails_later:
            raise RecursionError(text)
        return text

    fails_later: ClassVar[bool] = False


@pytest.mark.parametrize(("text", "name"), [("key", "KeyError"), ("index", "IndexError"), ("type", "TypeError")])
def test_a_validator_that_fails_otherwise_is_a_payload_error_without_values(text: str, name: str) -> None:
    with pytest.raises(PayloadError) as refused:
        decode(Grumpy, orjson.dumps({"text": text}))
    assert refused.value.detail == f"Grumpy: validation failed with {name}"


def test_a_validator_that_fails_on_enqueue_is_a_payload_error(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = Grumpy(text="later")
    monkeypatch.setattr(Grumpy, "fails_later", True)
    with pytest.raises(PayloadError, match="Grumpy: validation failed with RecursionError"):
        encode(payload)


class Upcast(Payload):
    schema_version: ClassVar[int] = 3
    upcasts: ClassVar[Any] = {1: lambda old: {"text": old["text"]}, 2: lambda old: {**old, "more": object()}}

    text: str


@pytest.mark.parametrize(
    ("body", "version", "said"),
    [
        ("{}", 1, "the upcast from version 1 failed with KeyError"),
        ("[]", 1, "the upcast from version 1 failed with TypeError"),
        ('{"text": "a"}', 1, "the upcast from version 2 failed with PydanticSerializationError"),
        ("no json", 1, "the message does not fit Upcast"),
    ],
)
def test_an_upcast_that_fails_is_a_payload_error(body: str, version: int, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        decode(Upcast, body, version=version)


def test_all_violations_are_reported() -> None:
    with pytest.raises(PayloadError) as refused:
        decode(Everything, '{"lead_id": "x", "count": "y", "unknown": 1}')
    assert {violation.pointer for violation in refused.value.violations} == {"/lead_id", "/count", "/unknown"}


class Kind(Enum):
    A = "a"


class WithEnum(Payload):
    kind: Kind


def test_enums_travel_by_value() -> None:
    assert decode(WithEnum, encode(WithEnum(kind=Kind.A))).kind is Kind.A
