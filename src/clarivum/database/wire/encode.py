"""Parameters as Postgres' text format, chosen by Python type; the type in SQL is inferred, or cast by the author.

str int float Decimal UUID date time   as printed          bool            t, f
datetime (aware only)                  ISO 8601            timedelta       ISO 8601 duration
bytes                                  \\x…                 Enum            its value
dict, pydantic model, Json(…)          JSON                None            NULL
list, tuple, set, frozenset            JSON where the SQL casts the parameter to json or jsonb; elsewhere an array
                                       literal, but for a list that begins with a dict or a model, which is JSON
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from clarivum.database.queries import Query, refuse_parameters
from clarivum.errors import VALIDATION_FAILED, RequestError

Encoder = Callable[[Any], bytes]
SEQUENCES = (list, tuple, set, frozenset)
EMPTY_ARRAY = b"{}\f"
"""Postgres skips the form feed after an array; JSON knows no such white space, so that an empty list for a parameter
that turns out to be jsonb, without a cast that says so, is an error rather than an object."""

UNQUOTED = frozenset({int, float, Decimal, UUID, datetime, date})
"""Whose text holds no character that means something in an array."""


@dataclasses.dataclass(frozen=True, slots=True)
class Json:
    """Sends `value` as JSON whatever its type: a bare scalar, or a list for which the SQL has no cast to JSON."""

    value: object


def encode(value: object) -> bytes | None:
    """One parameter. Raises TypeError for a type without an encoding or a naive datetime, RequestError for NUL and
    lone surrogates, which Postgres cannot store in text.
    """
    if value is None:
        return None
    encoder = ENCODERS.get(type(value))
    if encoder is None:
        encoder = ENCODERS[type(value)] = _encoder_for(type(value))
    return encoder(value)


def encode_parameters(query: Query, params: Mapping[str, object]) -> list[bytes | None]:
    """The query's parameters in its order. Raises TypeError, naming file and line, when they are not exactly those."""
    if len(params) != len(query.parameters):
        refuse_parameters(query, params)
    try:
        if json := query.json_parameters:
            return [(_json_parameter if name in json else encode)(params[name]) for name in query.parameters]
        return [encode(params[name]) for name in query.parameters]
    except KeyError:
        refuse_parameters(query, params)
    except TypeError as error:
        raise TypeError(f"{query.where}: {error}") from None


def _json_parameter(value: object) -> bytes | None:
    """A string is JSON already; so is what else `encode` makes of a value that is no list."""
    return _json(list(value)) if isinstance(value, SEQUENCES) else encode(value)


def _str(value: str) -> bytes:
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise RequestError("text holds a lone surrogate", code=VALIDATION_FAILED) from None
    if b"\0" in data:
        raise RequestError("text holds a NUL character", code=VALIDATION_FAILED)
    return data


def _printed(value: object) -> bytes:
    return str(value).encode()


def _datetime(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise TypeError("a naive datetime cannot be sent: give it a timezone")
    return value.isoformat().encode()


def _timedelta(value: timedelta) -> bytes:
    return b"%d days %d seconds %d microseconds" % (value.days, value.seconds, value.microseconds)


def _json(value: object) -> bytes:
    try:
        data = orjson.dumps(value, default=_json_default)
    except orjson.JSONEncodeError as error:
        if "surrogate" in str(error):
            raise RequestError("text holds a lone surrogate", code=VALIDATION_FAILED) from None
        raise
    if b"\\u0000" in data and _holds_nul(value):
        raise RequestError("text holds a NUL character", code=VALIDATION_FAILED)
    return data


def _holds_nul(value: object) -> bool:
    """jsonb stores no \\u0000; the six characters backslash, u, 0000 themselves are fine."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, BaseModel):
        return _holds_nul(value.model_dump())
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(_holds_nul(item) for item in value)


def _json_default(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _sequence(value: Iterable[object]) -> bytes:
    items = list(value)
    if not items:
        return EMPTY_ARRAY
    kinds = set(map(type, items))
    if len(kinds) == 1:
        (kind,) = kinds
        if kind in UNQUOTED:
            return b"{" + b",".join(map(ENCODERS[kind], items)) + b"}"
        if kind is str and (texts := _texts(items)) is not None:
            return texts
    if isinstance(items[0], dict | BaseModel):
        return _json(items)
    return b"{" + b",".join(_element(item) for item in items) + b"}"


def _texts(items: Sequence[Any]) -> bytes | None:
    """Strings at once, a third of the time of one by one; None: one of them has a character to escape."""
    data = _str('","'.join(items))
    if b"\\" in data or data.count(b'"') != 2 * (len(items) - 1):
        return None
    return b'{"' + data + b'"}'


def _element(item: object) -> bytes:
    """https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO: everything but NULL and arrays is quoted."""
    if item is None:
        return b"NULL"
    data = encode(item)
    assert data is not None
    if isinstance(item, SEQUENCES):
        return data
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _encoder_for(kind: type) -> Encoder:
    if issubclass(kind, Enum):
        return _enum
    for base, encoder in tuple(ENCODERS.items()):
        if issubclass(kind, base):
            return encoder
    if issubclass(kind, BaseModel):
        return _json
    raise TypeError(f"{kind.__module__}.{kind.__qualname__} cannot be a parameter")


def _enum(value: Enum) -> bytes:
    data = encode(value.value)
    if data is None:
        raise TypeError(f"{value} has the value None")
    return data


ENCODERS: dict[type, Encoder] = {
    str: _str,
    bool: lambda value: b"t" if value else b"f",
    int: _printed,
    float: _printed,
    Decimal: _printed,
    UUID: _printed,
    datetime: _datetime,
    date: lambda value: value.isoformat().encode(),
    time: lambda value: value.isoformat().encode(),
    timedelta: _timedelta,
    bytes: lambda value: b"\\x" + value.hex().encode(),
    dict: _json,
    list: _sequence,
    tuple: _sequence,
    set: _sequence,
    frozenset: _sequence,
    Json: lambda value: _json(value.value),
}
