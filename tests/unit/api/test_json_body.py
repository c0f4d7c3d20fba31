"""Reading a body: what is JSON, what fits the contract, and that every failure is named."""

import base64
import json
import os
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import EmailStr, Field, JsonValue, TypeAdapter

from clarivum.api import Contract
from clarivum.api.json_body import read_body
from clarivum.errors import RequestError


class Utm(Contract):
    campaign: str | None = None
    medium: str | None = None


class Order(Contract):
    email: EmailStr
    count: Annotated[int, Field(ge=1, le=100)] = 1
    price: float = 0.0
    utm: Utm | None = None
    labels: dict[str, str] = {}
    extra: JsonValue = None


ORDER = Order.__pydantic_validator__
ANYTHING = TypeAdapter(JsonValue).validator


def refusal(data: bytes | str, validator: Any = ORDER) -> RequestError:
    with pytest.raises(RequestError) as raised:
        read_body(validator, data.encode() if isinstance(data, str) else data)
    return raised.value


def violations(data: bytes | str) -> list[tuple[str, str]]:
    error = refusal(data)
    assert error.code.name == "validation_failed"
    return [(violation.pointer, violation.code) for violation in error.violations]


def test_a_fitting_body_becomes_the_contract() -> None:
    order = read_body(ORDER, b'{"email": "a@example.org", "count": 3, "utm": {"campaign": "x:y"}}')
    assert (order.email, order.count, order.utm.campaign) == ("a@example.org", 3, "x:y")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{} x",
        b'{"email": "a@example.org",}',
        b"{'email': 1}",
        b'{"email": "a@example.org", "email": "b@example.org"}',
        b'{"utm": {"campaign": "a", "campaign": "b"}}',
        b'{"labels": {"a": "1", "\\u0061": "2"}}',
        b'{"price": NaN}',
        b'{"price": Infinity}',
        b'{"price": -Infinity}',
        b'{"price": .5}',
        b'{"price": 01}',
        b'{"email": "\xff"}',
        b'{"email": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"email": "a@example.org"}',
        b'{"email": "a\x00"}',
        b'{"email": "a\tb"}',
        '{"email": "a@example.org"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 65 + b"]" * 65,
        b'{"extra": ' + b"[" * 64 + b"]" * 64 + b"}",
    ],
)
def test_what_is_not_one_json_document_is_malformed(data: bytes) -> None:
    error = refusal(data)
    assert error.code.name == "malformed_json"
    assert error.violations == ()


def test_depth_is_counted_outside_of_strings_only() -> None:
    brackets = "[" * 200
    assert read_body(ORDER, json.dumps({"email": "a@example.org", "extra": brackets}).encode()).extra == brackets
    deepest = b'{"email": "a@example.org", "extra": ' + b"[" * 63 + b"]" * 63 + b"}"
    assert read_body(ORDER, deepest).extra is not None
    wide = b'{"email": "a@example.org", "extra": [' + b"[{}]," * 500 + b"[]]}"
    assert len(read_body(ORDER, wide).extra) == 501


def test_the_place_of_a_syntax_error_is_named() -> None:
    assert "line 2, column 12" in refusal(b'{"count": 1,\n"email": 1 1}').detail


def test_all_failures_are_named_at_once() -> None:
    assert violations(b'{"count": 101, "price": "1", "utm": {"nope": 1}, "a/b~c": 2}') == [
        ("/email", "missing"),
        ("/count", "less_than_equal"),
        ("/price", "float_type"),
        ("/utm/nope", "extra_forbidden"),
        ("/a~1b~0c", "extra_forbidden"),
    ]


def test_json_is_read_strictly() -> None:
    assert violations(b'{"email": "a@example.org", "count": "1"}') == [("/count", "int_type")]
    assert violations(b'{"email": "a@example.org", "count": true}') == [("/count", "int_type")]
    assert violations(b"[]") == [("", "model_type")]


def test_nul_and_surrogates_are_named_beside_the_other_failures() -> None:
    body = rb'{"email": "a\u0000@example.org", "count": 0, "extra": {"deep": ["x\ud800"]}, "labels": {"a\u0000": "b"}}'
    assert sorted(violations(body)) == [
        ("/count", "greater_than_equal"),
        ("/email", "nul_character"),
        ("/extra/deep/0", "lone_surrogate"),
        ("/labels", "nul_character"),
    ]


def test_a_paired_surrogate_is_a_character() -> None:
    assert read_body(ORDER, rb'{"email": "a@example.org", "extra": "\ud83d\ude00"}').extra == "\U0001f600"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400, "9" * 5_000])
def test_a_number_beyond_a_double_is_out_of_range(number: str) -> None:
    assert violations(f'{{"email": "a@example.org", "price": {number}}}')[0][0] == "/price"


def test_a_huge_number_where_anything_goes_is_out_of_range() -> None:
    assert violations('{"email": "a@example.org", "extra": [1e400]}') == [("/extra/0", "number_out_of_range")]


def test_text_and_collections_are_bounded_by_default() -> None:
    long_text, many = "x" * 10_001, {str(number): "" for number in range(1_001)}
    body = json.dumps({"email": "a@example.org", "utm": {"medium": long_text}, "labels": many})
    assert violations(body) == [("/utm/medium", "string_too_long"), ("/labels", "too_long")]


def test_at_most_a_hundred_failures_are_listed() -> None:
    error = refusal(json.dumps({f"unknown{number}": 1 for number in range(500)}))
    assert len(error.violations) == 100
    assert "501 places" in error.detail


def test_no_refusal_repeats_a_value() -> None:
    error = refusal(b'{"email": "s3cret-value", "count": 123456789, "price": "s3cret-value"}')
    assert "s3cret-value" not in f"{error.detail} {error.violations}"
    assert "123456789" not in f"{error.detail} {error.violations}"


PROJECT = Path(__file__).resolve().parents[3]
SUITE = Path(os.environ.get("CLARIVUM_VECTORS", PROJECT.parent / "shared" / "vectors")) / "json" / "test_parsing.json"

# RFC 8259 section 4 only advises against duplicates; Postgres holds no NUL. What the suite accepts there, we refuse.
REFUSED_ALTHOUGH_VALID = {
    "y_object_duplicated_key.json": "malformed_json",
    "y_object_duplicated_key_and_value.json": "malformed_json",
    "y_object_escaped_null_in_key.json": "validation_failed",
    "y_string_null_escape.json": "validation_failed",
}


def test_the_json_parsing_test_suite(capsys: pytest.CaptureFixture[str]) -> None:
    if not SUITE.exists():
        with capsys.disabled():
            print(f"\n{SUITE.name} is absent (CLARIVUM_VECTORS names its folder): the cases above stand alone")
        return
    wrong = []
    for name, encoded in json.loads(SUITE.read_text())["cases"].items():
        expected = {"y": "accepted", "n": "malformed_json"}.get(name[0])
        got = answer_to(base64.b64decode(encoded))
        if expected and got != REFUSED_ALTHOUGH_VALID.get(name, expected):
            wrong.append((name, got))
    assert wrong == []


def answer_to(data: bytes) -> str:
    try:
        read_body(ANYTHING, data)
    except RequestError as error:
        return error.code.name
    return "accepted"
