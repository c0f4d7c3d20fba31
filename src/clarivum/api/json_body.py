"""Reading a request body: JSON with one meaning only, then the contract, with every failure named.

Pydantic's parser takes the last of duplicate names, NaN, and any depth its stack allows; RFC 8259 leaves these to the
implementation, and two readers would then see two documents. orjson refuses most of it as fast as Pydantic parses;
the rest is counted, and only a body that looks wrong is looked at closely.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import orjson
from pydantic import ValidationError
from pydantic_core import SchemaValidator

from clarivum.api.violations import MAX_VIOLATIONS, pointer_to, violations_of
from clarivum.errors import MALFORMED_JSON, VALIDATION_FAILED, RequestError, Violation

T = TypeVar("T")

MAX_DEPTH = 64
MAX_INTEGER_DIGITS = 4_000


def read_body(validator: SchemaValidator, data: bytes) -> Any:
    """The contract that `data` holds.

    Raises RequestError: 400 malformed_json for what is not RFC 8259 JSON, has a duplicate name or more than 64 levels;
    422 validation_failed with all violations for what does not fit the contract or could not be stored.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _examine(validator, data)
    # Colons outside of strings are members, so no fewer members parsed than colons written means none was dropped.
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH or data.count(b":") != _members(document) or b"\\u0000" in data:
        return _examine(validator, data)
    try:
        return validator.validate_json(data, strict=True)
    except ValidationError as error:
        raise _refusal(violations_of(error, document)) from None


def _examine(validator: SchemaValidator, data: bytes) -> Any:
    document = parse(data)
    unstorable = [Violation(pointer_to(path), message, code) for path, message, code in _unstorable(document, ())]
    try:
        contract = validator.validate_json(orjson.dumps(_storable(document)) if unstorable else data, strict=True)
    except ValidationError as error:
        named = {violation.pointer for violation in unstorable}
        misfits = [violation for violation in violations_of(error, document) if violation.pointer not in named]
        raise _refusal(unstorable + misfits) from None
    if unstorable:
        raise _refusal(unstorable)
    return contract


def parse(data: bytes) -> Any:
    """`data` as JSON, slowly and strictly. Numbers beyond a double are kept as infinity, lone surrogates as they are.

    Raises RequestError malformed_json, naming line and column.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed(f"byte {error.start} is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise malformed("it starts with a byte order mark")
    if _deeper_than(MAX_DEPTH, data):
        raise malformed(f"it is more than {MAX_DEPTH} levels deep, or its brackets do not match")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:] if text.strip() else "it is empty"
        raise malformed(f"line {error.lineno}, column {error.colno}: {what}") from None
    except _NotJsonError as error:
        raise malformed(str(error)) from None


def malformed(what: str) -> RequestError:
    return RequestError(f"The body is not one JSON document: {what}.", code=MALFORMED_JSON)


class _NotJsonError(Exception):
    """Something that the standard library reads and RFC 8259 does not have."""


def _refusal(violations: list[Violation]) -> RequestError:
    count = len(violations)
    listed = f"; the first {MAX_VIOLATIONS} are listed" if count > MAX_VIOLATIONS else ""
    return RequestError(
        f"The body fails the contract in {count} place{'s' if count > 1 else ''}{listed}.",
        code=VALIDATION_FAILED,
        violations=violations[:MAX_VIOLATIONS],
    )


def _members(value: Any) -> int:
    """Object members at any depth. The caller has made sure that the depth is small."""
    if type(value) is dict:
        return len(value) + sum(_members(item) for item in value.values() if type(item) in _CONTAINERS)
    if type(value) is list:
        return sum(_members(item) for item in value if type(item) in _CONTAINERS)
    return 0


_CONTAINERS = frozenset({dict, list})


def _deeper_than(limit: int, data: bytes) -> bool:
    """Whether the brackets outside of strings nest deeper than `limit`, or do not match.

    Peels one level a pass, at the speed of bytes.replace, instead of looking at each bracket in turn.
    """
    if data.count(b"{") + data.count(b"[") <= limit:
        return False
    brackets = _STRING.sub(b"", data).translate(_ONE_KIND, delete=_NOT_BRACKETS)
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")


def _unstorable(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """What is JSON but fits neither Postgres' text nor its numbers, with path, message and code."""
    if isinstance(value, str):
        if "\x00" in value:
            yield path, "Text must not contain NUL", "nul_character"
        if _has_surrogate(value):
            yield path, "Text must not contain a lone surrogate", "lone_surrogate"
    elif isinstance(value, float):
        if math.isinf(value):
            yield path, "Number is out of range", "number_out_of_range"
    elif isinstance(value, dict):
        for name, item in value.items():
            for _, message, code in _unstorable(name, path):
                yield path, message.replace("Text", "Member name"), code
            yield from _unstorable(item, (*path, name))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unstorable(item, (*path, position))


def _storable(value: Any) -> Any:
    """The document without what `_unstorable` names, so that the contract can still judge the rest."""
    if isinstance(value, str):
        return None if "\x00" in value or _has_surrogate(value) else value
    if isinstance(value, float):
        return None if math.isinf(value) else value
    if isinstance(value, dict):
        return {name: _storable(item) for name, item in value.items() if _storable(name) is not None}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value if not isinstance(value, int) or abs(value) < 2**63 else float(value)


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise _NotJsonError("an object names one member twice")
    return value


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else math.inf


def _no_constant(name: str) -> NoReturn:
    raise _NotJsonError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_constant=_no_constant)
