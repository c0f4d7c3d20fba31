"""What a job is given: an immutable, strictly typed JSON object that both ends of the queue agree on."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError, PydanticSerializationError, from_json, to_json

from clarivum.errors import INVALID_PAYLOAD, ClarivumError, Violation

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_VIOLATIONS = 20
MAX_EXACT_INTEGER = 2**53 - 1
"""Beyond it JSON readers that know floating-point numbers only, such as JavaScript's, take one number for another."""

PLAIN: frozenset[type] = frozenset({NoneType, bool, float, Decimal, UUID, date})
"""Scalars that are fit for storing whatever their value, once Pydantic has accepted it."""

P = TypeVar("P", bound="Payload")
Upcast = Callable[[dict[str, Any]], dict[str, Any]]


class PayloadError(ClarivumError):
    """A payload that its job would not accept. `violations` name the paths, never the values. Nothing was stored."""

    default = INVALID_PAYLOAD


class Payload(BaseModel):
    """Base of every job's input. Strict, immutable, no unknown fields; strings carry no NUL or lone surrogate,
    datetimes carry a UTC offset, numbers are finite and whole ones within ±(2^53 - 1): whatever is accepted here fits
    JSON, JavaScript and Postgres.

    `schema_version` goes up with every change that messages already in the queue would not satisfy; a worker leaves
    messages of a newer version than its own for a newer worker. `upcasts` bring the older ones up to date.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        ser_json_timedelta="iso8601",
    )

    schema_version: ClassVar[int] = 1
    upcasts: ClassVar[Mapping[int, Upcast]] = {}
    """By version N: the JSON object of a message of version N in, that of version N + 1 out. A version that is not
    here is read as it is."""

    @model_validator(mode="after")
    def _storable(self) -> Self:
        if all(map(is_plain, self.__dict__.values())):
            return self
        for path, reason in unstorable(self.__dict__, ""):
            raise PydanticCustomError("unstorable", "{path}: {reason}", {"path": path, "reason": reason})
        return self


def encode(payload: Payload) -> bytes:
    """The payload as JSON, proven to be readable by its own type.

    Raises PayloadError when it is not (an instance made around validation, a validator or serializer of its own that
    fails), or is larger than MAX_PAYLOAD_BYTES.
    """
    kind = type(payload)
    try:
        data = kind.__pydantic_serializer__.to_json(payload, warnings="none")
        kind.__pydantic_validator__.validate_json(data)
    except ValidationError as error:
        raise PayloadError(f"{kind.__name__} does not fit its own type", violations=violations_of(error)) from None
    except (PydanticSerializationError, ValueError) as error:
        raise PayloadError(
            f"{kind.__name__} cannot be written as JSON",
            violations=[Violation("", type(error).__name__, "unserializable")],
        ) from None
    except Exception as error:
        raise PayloadError(f"{kind.__name__}: validation failed with {type(error).__name__}") from None
    if len(data) > MAX_PAYLOAD_BYTES:
        raise PayloadError(
            f"{kind.__name__} is {len(data)} bytes as JSON, at most {MAX_PAYLOAD_BYTES} are allowed; "
            "store the data and pass its id",
            violations=[Violation("", f"larger than {MAX_PAYLOAD_BYTES} bytes", "too_large")],
        )
    return data


def decode(kind: type[P], data: bytes | str, *, version: int | None = None) -> P:
    """Read a message's body, written as `version` of the payload; None: the newest.

    Raises PayloadError with every violation, or with the class of what a validator of the payload's own raised; such a
    message is never retried.
    """
    try:
        return kind.model_validate_json(_upcast(kind, data, version))
    except PayloadError:
        raise
    except ValidationError as error:
        raise PayloadError(f"the message does not fit {kind.__name__}", violations=violations_of(error)) from None
    except Exception as error:
        raise PayloadError(f"{kind.__name__}: validation failed with {type(error).__name__}") from None


def _upcast(kind: type[Payload], data: bytes | str, version: int | None) -> bytes | str:
    steps = sorted(number for number in kind.upcasts if version is not None and number >= version)
    if not steps:
        return data
    try:
        document = from_json(data, allow_inf_nan=False)
    except ValueError:
        return data  # validation says what is wrong with it
    number = steps[0]
    try:
        for number in steps:
            document = kind.upcasts[number](document)
        return to_json(document)
    except Exception as error:
        raise PayloadError(
            f"{kind.__name__}: the upcast from version {number} failed with {type(error).__name__}"
        ) from None


def violations_of(error: ValidationError) -> list[Violation]:
    """Pydantic's findings as JSON pointers and codes, without the values that failed."""
    return [
        Violation(_pointer(problem), str(problem["msg"]), str(problem["type"]))
        for problem in error.errors(include_input=False, include_url=False, include_context=True)[:MAX_VIOLATIONS]
    ]


def _pointer(problem: Any) -> str:
    if problem["type"] == "unstorable":
        return str(problem["ctx"]["path"])
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in problem["loc"])


def is_plain(value: Any) -> bool:
    """Whether `value` is a scalar in which `unstorable` finds nothing: most are, and this says so in a fifth of the
    time."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii()) and "\x00" not in value
    if kind is int:
        return bool(abs(value) <= MAX_EXACT_INTEGER)
    return kind in PLAIN


def unstorable(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every place below `value` that Postgres' JSON or JavaScript cannot hold, or whose meaning depends on a clock."""
    if isinstance(value, int):
        if not -MAX_EXACT_INTEGER <= value <= MAX_EXACT_INTEGER:
            yield path, "is beyond 2^53 - 1: write it as text"
    elif isinstance(value, str):
        if "\x00" in value:
            yield path, "contains NUL"
        elif not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            yield path, "contains a lone surrogate"
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "__proto__":
                yield path, "has a member __proto__, which JavaScript takes for something else"
            yield from unstorable(name, path)
            yield from unstorable(item, f"{path}/{name}")
    elif isinstance(value, list | tuple | set | frozenset):
        for position, item in enumerate(value):
            yield from unstorable(item, f"{path}/{position}")
    elif isinstance(value, BaseModel):
        yield from unstorable(value.__dict__, path)
    elif isinstance(value, datetime) and value.tzinfo is None:
        yield path, "has no UTC offset"
