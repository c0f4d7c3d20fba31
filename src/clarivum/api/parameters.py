"""Path and query parameters: split strictly, validated together, every failure named."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import unquote_to_bytes
from uuid import UUID

from pydantic import BeforeValidator, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from clarivum.api.contract import RFC_3339, Contract
from clarivum.api.cursor import MAX_CURSOR_CHARACTERS, CursorSeal, fingerprint_of
from clarivum.api.page import DEFAULT_LIMIT, MAX_LIMIT, Keyset, PageRequest
from clarivum.api.signature import Parameter, Signature, Source, bare, without_none
from clarivum.api.violations import MAX_VIOLATIONS, parameter_violations
from clarivum.errors import INVALID_CURSOR, INVALID_PARAMETER, RequestError, Violation

MAX_QUERY_PARAMETERS = 100
MAX_REMEMBERED = 256
MAX_REMEMBERED_BYTES = 100

# Pydantic reads " 1_0 " as 10, "on" as true and a number as a time. A parameter has one spelling.
SPELLINGS: dict[type, tuple[re.Pattern[str], str]] = {
    bool: (re.compile(r"true|false"), "true or false"),
    int: (re.compile(r"-?(0|[1-9][0-9]{0,18})"), "a whole number"),
    float: (re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?"), "a number"),
    Decimal: (re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?"), "a decimal number"),
    UUID: (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "a UUID"),
    datetime: (RFC_3339, "an RFC 3339 time with its offset"),
    date: (re.compile(r"\d{4}-\d\d-\d\d", re.ASCII), "an RFC 3339 date"),
}


class ParameterReader:
    """Reads the parameters of one route into the keyword arguments of its handler."""

    def __init__(self, list_name: str, signature: Signature) -> None:
        self._path_names = tuple(parameter.name for parameter in signature.of(Source.PATH))
        self._sources = dict.fromkeys(self._path_names, "path")
        self._repeated = {parameter.name for parameter in signature.of(Source.QUERY) if parameter.repeated}
        self._page = signature.only(Source.PAGE)
        self._keyset = keyset_of(self._page) if self._page else None
        self._first = self._keyset.first if self._keyset else ()
        self._list_name = list_name
        self.model = parameter_model(signature)
        self._validate = self.model.__pydantic_validator__.validate_python
        # Lists are asked for with the same few queries again and again; reading one costs 6 µs.
        self._known: dict[bytes, tuple[dict[str, Any], dict[str, Any]]] = {}

    def read(self, path_values: dict[str, bytes], query: bytes, seal: CursorSeal | None) -> dict[str, Any]:
        """Raises RequestError: 422 invalid_parameter with all failures, 400 invalid_cursor."""
        values, given = self._values(path_values, query)
        if self._page is not None:
            values[self._page.name] = self._page_request(values, given, seal)
        return values

    def _values(self, path_values: dict[str, bytes], query: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values, to be changed by the caller, and what was given for them."""
        known = None if path_values else self._known.get(query)
        if known is not None:
            return known[0].copy(), known[1]
        given = self._collect(_pairs(query))
        for name, raw in path_values.items():
            given[name] = decoded(raw, f"path:{name}")
        try:
            values = self._validate(given).__dict__
        except ValidationError as error:
            raise refusal(parameter_violations(error, self._sources)) from None
        if not path_values and len(query) <= MAX_REMEMBERED_BYTES and not self._repeated:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[query] = (values.copy(), given)
        return values, given

    def _collect(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, value in pairs:
            if name in self._repeated:
                given.setdefault(name, []).append(value)
            elif name in given:
                raise refusal([Violation(f"query:{name[:80]}", "The parameter is given more than once", "repeated")])
            elif name in self._sources:
                raise refusal([Violation(f"query:{name}", "This is a path parameter", "extra_forbidden")])
            else:
                given[name] = value
        return given

    def _page_request(self, values: dict[str, Any], given: dict[str, Any], seal: CursorSeal | None) -> PageRequest:
        keyset, limit, cursor = self._keyset, values.pop("limit"), values.pop("cursor")
        assert keyset is not None
        assert seal is not None
        filters = [(name, str(value)) for name, value in given.items() if name not in ("cursor", "limit")]
        position = self._first

        def encode(row: tuple[object, ...]) -> str:
            return seal.encode(fingerprint_of(self._list_name, filters), row)

        if cursor is not None:
            position = seal.decode(fingerprint_of(self._list_name, filters), keyset, cursor)
        return PageRequest(keyset, limit, position, encode)


def refusal(violations: Sequence[Violation]) -> RequestError:
    """The 422 for path and query, or the 400 when it is only the cursor that cannot be one of ours."""
    if [violation.pointer for violation in violations] == ["query:cursor"]:
        return RequestError("The cursor was not issued by this list.", code=INVALID_CURSOR)
    names = ", ".join(sorted({violation.pointer.partition(":")[2] for violation in violations})[:10])
    return RequestError(f"Not acceptable: {names}.", code=INVALID_PARAMETER, violations=violations[:MAX_VIOLATIONS])


def parameter_model(signature: Signature) -> type[Contract]:
    """Path and query parameters as one contract: it validates them and describes them in the OpenAPI document."""
    fields: dict[str, Any] = {
        parameter.name: (Annotated[parameter.annotation, BeforeValidator(_spelling(parameter))], parameter.default)
        for parameter in (*signature.of(Source.PATH), *signature.of(Source.QUERY))
    }
    if signature.only(Source.PAGE):
        page_size = Annotated[
            int,
            Field(ge=1, le=MAX_LIMIT, description="How many items a page holds at most."),
            BeforeValidator(_spelled(int)),
        ]
        cursor = Annotated[
            str | None,
            Field(max_length=MAX_CURSOR_CHARACTERS, description="`next` of the page before, with the same filters."),
        ]
        fields |= {"limit": (page_size, DEFAULT_LIMIT), "cursor": (cursor, None)}
    return create_model("Parameters", __base__=Contract, **fields)


def keyset_of(parameter: Parameter) -> Keyset:
    return next(extra for extra in parameter.annotation.__metadata__ if isinstance(extra, Keyset))


def _spelling(parameter: Parameter) -> Callable[[Any], Any]:
    kind = without_none(parameter.annotation)
    if get_origin(kind) is list:
        one = _spelled(bare(get_args(kind)[0]))
        return lambda values: [one(value) for value in values] if isinstance(values, list) else values
    return _spelled(kind)


def _spelled(kind: Any) -> Callable[[Any], Any]:
    pattern, expected = SPELLINGS.get(kind, (None, ""))

    def check(value: Any) -> Any:
        if pattern is not None and isinstance(value, str) and not pattern.fullmatch(value):
            raise PydanticCustomError("spelling", "Parameter should be {expected}", {"expected": expected})
        return value

    return check


def _pairs(query: bytes) -> list[tuple[str, str]]:
    if not query:
        return []
    parts = query.split(b"&")
    if len(parts) > MAX_QUERY_PARAMETERS:
        raise refusal([Violation("query:", f"At most {MAX_QUERY_PARAMETERS} parameters are read", "too_many")])
    pairs = []
    for part in parts:
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((decoded(name, "query:"), decoded(value, "query:" + name.decode("ascii", "replace")[:80])))
    return pairs


def decoded(raw: bytes, pointer: str) -> str:
    """Percent-decoded UTF-8; `+` is a space in a query only. Raises RequestError when it is not UTF-8."""
    if pointer.startswith("query:") and b"+" in raw:
        raw = raw.replace(b"+", b" ")
    try:
        return (unquote_to_bytes(raw) if b"%" in raw else raw).decode("utf-8")
    except UnicodeDecodeError:
        raise refusal([Violation(pointer, "The parameter is not UTF-8", "not_utf8")]) from None
