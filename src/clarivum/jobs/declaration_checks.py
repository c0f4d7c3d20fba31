"""What a declaration has to fulfil. Each check raises DeclarationError with the file and line of the handler."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

from clarivum.errors import DeclarationError
from clarivum.jobs.cron import Schedule, parse_schedule
from clarivum.jobs.payload import Payload
from clarivum.jobs.priority import Priority
from clarivum.jobs.rate import Rate, parse_rate
from clarivum.jobs.results import Result
from clarivum.settings import Settings, variables_of

MIN_TIMEOUT_S, MAX_TIMEOUT_S = 0.1, 7_200.0
MAX_ATTEMPTS = 25
MAX_CONCURRENCY = 1_000
MAX_LIMIT = 1_000
MAX_BATCH = 1_000
MAX_RETENTION_DAYS = 3_650
MAX_UNIQUE_S = 366 * 86_400
DAY_S = 86_400
FIELDS = {variable: field for field in Settings.model_fields for variable in variables_of(Settings, field)}
"""The field of Settings that each environment variable is read into."""
KEY_TYPES = (str, int, UUID, datetime, date, Enum)


class Where:
    """The place of a declaration, for messages."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        code = inspect.unwrap(handler).__code__
        self.file, self.line, self.name = code.co_filename, code.co_firstlineno, handler.__name__

    def refuse_unless(self, fine: bool, reason: str) -> None:
        if not fine:
            raise DeclarationError(f"{self.file}:{self.line}: job {self.name}: {reason}")


def check_versions(where: Where, payload: type[Payload]) -> None:
    newest = payload.schema_version
    where.refuse_unless(type(newest) is int and newest >= 1, f"{payload.__name__}.schema_version must be 1 or more")
    for version in payload.upcasts:
        where.refuse_unless(
            type(version) is int and 1 <= version < newest,
            f"{payload.__name__}.upcasts[{version!r}] leads nowhere: the versions before {newest} can be brought up",
        )


def check_handler(where: Where, handler: Callable[..., Any]) -> None:
    where.refuse_unless(inspect.iscoroutinefunction(handler), "its handler must be an async function")
    positional = [
        parameter
        for parameter in inspect.signature(handler).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    where.refuse_unless(len(positional) == 2, "its handler must take (payload, run)")


def result_of(where: Where, handler: Callable[..., Any]) -> type[Result] | None:
    """What the handler is annotated to return: a Result, or nothing."""
    kind = handler.__annotations__.get("return")
    if isinstance(kind, str) and kind != "None":
        try:
            kind = get_type_hints(handler)["return"]
        except NameError as error:
            where.refuse_unless(False, f"its annotations cannot be read: {error}")
    nothing = kind in (None, "None", Any, type(None))
    is_result = isinstance(kind, type) and issubclass(kind, Result) and kind is not Result
    where.refuse_unless(
        is_result or nothing,
        f"its handler returns {getattr(kind, '__name__', kind)}; it may return None or a subclass of Result",
    )
    return kind if is_result else None


def check_key(where: Where, payload: type[Payload], key: str | None, *, scheduled: bool) -> str:
    fields = payload.model_fields
    where.refuse_unless(bool(key), f"it names no key; give key=<field of {payload.__name__}> (one effect per value)")
    assert key is not None
    where.refuse_unless(
        key in fields, f"its key {key!r} is no field of {payload.__name__}; it has {', '.join(fields) or 'none'}"
    )
    kind = bare_type(fields[key].annotation)
    where.refuse_unless(
        isinstance(kind, type) and issubclass(kind, KEY_TYPES) and kind is not bool,
        f"its key {key!r} must be text, a whole number, a UUID, a date, a datetime or an enum, and never null",
    )
    if scheduled:
        where.refuse_unless(
            kind is datetime, f"it is scheduled, so its key {key!r} must be the datetime that receives the tick"
        )
        required = [name for name, field in fields.items() if field.is_required() and name != key]
        where.refuse_unless(not required, f"it is scheduled, so {', '.join(required)} must have defaults")
    return key


def bare_type(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated or hasattr(annotation, "__supertype__"):
        annotation = getattr(annotation, "__supertype__", None) or get_args(annotation)[0]
    # pydantic's AwareDatetime is a marker class, not a subclass of datetime, at run time
    return datetime if getattr(annotation, "__name__", "") == "AwareDatetime" else annotation


def check_bounds(where: Where, timeout_s: float | None, counts: Mapping[str, tuple[int, int]]) -> None:
    where.refuse_unless(
        isinstance(timeout_s, int | float) and MIN_TIMEOUT_S <= timeout_s <= MAX_TIMEOUT_S,
        f"timeout_s must be {MIN_TIMEOUT_S} to {MAX_TIMEOUT_S:.0f} seconds, not {timeout_s}",
    )
    for label, (value, most) in counts.items():
        where.refuse_unless(type(value) is int and 1 <= value <= most, f"{label} must be 1 to {most}, not {value}")


def read_schedule(where: Where, expression: str | None, timezone: str, missed: str) -> Schedule | None:
    if expression is None:
        return None
    try:
        return parse_schedule(expression, timezone, missed, now=datetime.now(UTC))
    except ValueError as error:
        where.refuse_unless(False, str(error))
        raise AssertionError from error


def check_days(where: Where, *, has_result: bool, results_days: int | None, retention_days: int) -> int:
    """How long results are kept: no longer than the run that they belong to."""
    where.refuse_unless(
        results_days is None or has_result, "results_days is given, but its handler is not annotated to return a Result"
    )
    days = min(7, retention_days) if results_days is None else results_days
    where.refuse_unless(
        days <= retention_days, f"results_days {days} is more than its retention_days {retention_days}: the run is gone"
    )
    return days


def check_unique(where: Where, unique_s: int | None, *, scheduled: bool, retention_days: int) -> None:
    """A window of uniqueness is remembered for as long as the ledger remembers the run."""
    if unique_s is None:
        return
    where.refuse_unless(
        type(unique_s) is int and 1 <= unique_s <= MAX_UNIQUE_S,
        f"unique_s must be 1 to {MAX_UNIQUE_S} whole seconds, not {unique_s}",
    )
    where.refuse_unless(not scheduled, "it is scheduled, so each tick is unique already: leave unique_s out")
    where.refuse_unless(
        unique_s <= retention_days * DAY_S,
        f"unique_s {unique_s} is longer than its retention_days {retention_days}: the run would be forgotten before",
    )


def check_settings(where: Where, variables: Iterable[str]) -> tuple[str, ...]:
    """The environment variables that a handler reads: settings that are known, each once."""
    named = tuple(variables)
    for variable in named:
        nearest = difflib.get_close_matches(variable, FIELDS, n=1)
        hint = f"; the nearest is {nearest[0]}" if nearest else ""
        where.refuse_unless(variable in FIELDS, f"settings: {variable} is none{hint}")
    where.refuse_unless(len(set(named)) == len(named), "settings names one of them twice")
    return named


def read_rate(where: Where, text: str | None) -> Rate | None:
    if text is None:
        return None
    try:
        return parse_rate(text)
    except ValueError as error:
        where.refuse_unless(False, str(error))
        raise AssertionError from error


def read_priority(where: Where, text: str) -> Priority:
    where.refuse_unless(text in Priority.__members__.values(), f"priority must be {', '.join(Priority)}, not {text!r}")
    return Priority(text)
