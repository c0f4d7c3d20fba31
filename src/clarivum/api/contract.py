"""What crosses the edge: the base of every request body and response."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MAX_TEXT_CHARACTERS = 10_000
MAX_NAME_CHARACTERS = 200
MAX_ITEMS = 1_000
NO_NUL = r"^[^\x00]*$"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def bound(schema: CoreSchema) -> CoreSchema:
    """Give every text, collection and time below `schema` the default bounds it does not declare itself. In place."""
    for node in list(_nodes(schema)):
        match node["type"]:
            case "str":
                node.setdefault("max_length", MAX_TEXT_CHARACTERS)
                node.setdefault("pattern", NO_NUL)
            case "list" | "set" | "frozenset":
                node.setdefault("max_length", MAX_ITEMS)
            case "dict":
                node.setdefault("max_length", MAX_ITEMS)
                _bound_names(node.get("keys_schema"))
            case "datetime":
                _normalise(node)
            case "float":
                node.setdefault("allow_inf_nan", False)
    return schema


def _normalise(node: dict[str, Any]) -> None:
    """Read times in one spelling, and hold them in UTC, so that they are written with `Z`."""
    node.setdefault("tz_constraint", "aware")
    aware = cast(CoreSchema, dict(node))
    node.clear()
    node.update(core_schema.no_info_before_validator_function(_moment, aware))


def _bound_names(keys: Any) -> None:
    """Names of a map. NUL in them is refused where JSON is read: as a pattern it would blur the JSON schema."""
    if keys is not None and keys["type"] == "str":
        keys.setdefault("max_length", MAX_NAME_CHARACTERS)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("function") == _MOMENT:
            return
        if isinstance(value.get("type"), str):
            yield value
        for key, item in value.items():
            if key not in _NOT_SCHEMAS:
                yield from _nodes(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nodes(item)


# Parts of a core schema that hold plain values, which must not be mistaken for schemas.
_NOT_SCHEMAS = frozenset(
    {"metadata", "default", "expected", "config", "serialization", "function", "members", "cls", "keys_schema"}
)


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime) and value.tzinfo not in (None, UTC):
        return value.astimezone(UTC)
    return value


def _parsed(text: str) -> datetime:
    """Pydantic would also take a number in quotes, a time without seconds or with `_` for `T`."""
    try:
        if RFC_3339.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:  # 30 February
        pass
    raise PydanticCustomError("datetime_parsing", "Input should be an RFC 3339 time with its offset")


_MOMENT = {"type": "no-info", "function": _moment}


class Contract(BaseModel):
    """Base of bodies and responses. Unknown members are refused; instances are immutable.

    Over what the annotations say: text holds no NUL and at most MAX_TEXT_CHARACTERS, lists, sets and maps at most
    MAX_ITEMS, unless the field declares its own bound; numbers are finite; times carry an offset, and become UTC,
    written with `Z`. A request body is read strictly (no `"1"` for 1); in Python, construction coerces as Pydantic
    does.
    A docstring under a field is its description in the OpenAPI document.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        ser_json_timedelta="iso8601",
        use_attribute_docstrings=True,
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        bound(schema)
        return schema


class ForeignContract(Contract):
    """Base of documents that others define, such as a webhook's: members that are not declared are ignored.

    Their makers add members at any time, and a webhook that refused them would stop. Everything else holds as for
    Contract.
    """

    model_config = ConfigDict(extra="ignore")
