"""`@job`: one declaration from which queue, worker, ledger key, schedule and documentation follow."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin
from uuid import UUID

from clarivum.errors import DeclarationError
from clarivum.jobs.cron import Schedule, parse_schedule
from clarivum.jobs.payload import Payload
from clarivum.jobs.run import Run

P = TypeVar("P", bound=Payload)
Handler = Callable[[P, Run], Awaitable[None]]

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\.[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
MAX_NAME_CHARACTERS = 47  # pgmq's limit for a queue name
MAX_KEY_CHARACTERS = 255
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 0.1, 7_200.0
MAX_ATTEMPTS = 25
MAX_CONCURRENCY = 1_000
MAX_BATCH = 1_000
MAX_RETENTION_DAYS = 3_650
KEY_TYPES = (str, int, UUID, datetime, date, Enum)


@dataclass(frozen=True, slots=True, eq=False)
class Job(Generic[P]):
    """A declared job. Make it with `@job`; `Feature` fills in the owner. Hashed by identity, as on the hot path."""

    name: str
    """`<feature>.<verb>`, unique in the application."""
    payload: type[P]
    handler: Handler[P]
    key: str
    """The payload field whose value is the idempotency key: one effect per value."""
    timeout_s: float
    attempts: int
    concurrency: int | None
    """Runs at once in one worker process; None: the worker's own limit."""
    batch: int
    """How many runs may share one transaction; 1: each has its own."""
    schedule: Schedule | None
    retention_days: int
    """How long a finished run's ledger row answers duplicates; then it is removed."""
    file: str
    line: int
    owner: str | None = None

    async def __call__(self, payload: P, run: Run) -> None:
        """Call the handler itself, as a test does."""
        await self.handler(payload, run)

    @property
    def queue(self) -> str:
        """The queue's name: the job's, with `_` for `.`."""
        return queue_name(self.name)

    @property
    def visibility_s(self) -> int:
        """How long a fetched message stays hidden without a heartbeat: six timeouts, at least a minute."""
        return max(60, round(6 * self.timeout_s))

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]

    def key_of(self, payload: P) -> str:
        """The idempotency key as text. Raises ValueError when it is empty or longer than MAX_KEY_CHARACTERS."""
        text = key_text(getattr(payload, self.key))
        if not 0 < len(text) <= MAX_KEY_CHARACTERS:
            raise ValueError(f"/{self.key}: an idempotency key has 1 to {MAX_KEY_CHARACTERS} characters")
        return text

    def owned_by(self, owner: str) -> "Job[P]":
        return replace(self, owner=owner)


def queue_name(job_name: str) -> str:
    return job_name.replace(".", "_")


def key_text(value: Any) -> str:
    """A key field's value as the ledger stores it. Datetimes in UTC, so that one instant is one key."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def job(
    payload: type[P],
    *,
    name: str | None = None,
    key: str | None = None,
    timeout_s: float | None = 10.0,
    attempts: int = 5,
    concurrency: int | None = None,
    batch: int = 1,
    schedule: str | None = None,
    timezone: str = "UTC",
    missed: str = "skip",
    retention_days: int = 30,
) -> Callable[[Handler[P]], Job[P]]:
    """Declare an async function `(payload, run)` as a job.

    `name`: inferred from the module and the function when absent: `enrich_lead` in `bff/leads/jobs.py` is
    `leads.enrich`, `export_data` in `bff/privacy/jobs.py` is `privacy.export_data`.
    `key`: required; for a scheduled job the datetime field that receives the tick, all others having defaults.
    `timeout_s`: 0.1 to 7,200; the attempt is cancelled then. `attempts`: 1 to 25, then the job is a dead letter.
    `batch`: above 1 only for handlers whose whole effect is in `run.transaction`: a failure rolls the batch back and
    each of its runs is tried again by itself.
    `schedule`: cron, in `timezone`; `missed`: what becomes of ticks nobody was there for, `skip` or `once`.

    Raises DeclarationError with the file and line.
    """

    def declare(handler: Handler[P]) -> Job[P]:
        where = _Where(handler)
        declared = name or inferred_name(handler.__module__, handler.__name__)
        where.refuse_unless(
            NAME.fullmatch(declared) is not None and len(declared) <= MAX_NAME_CHARACTERS,
            f"job name {declared!r} must read <feature>.<verb> in snake_case, at most {MAX_NAME_CHARACTERS} characters",
        )
        where.name = declared
        where.refuse_unless(
            isinstance(payload, type) and issubclass(payload, Payload), "its payload type must be a subclass of Payload"
        )
        _check_versions(where, payload)
        _check_handler(where, handler)
        key_field = _check_key(where, payload, key, scheduled=schedule is not None)
        counts = {
            "attempts": (attempts, MAX_ATTEMPTS),
            "concurrency": (1 if concurrency is None else concurrency, MAX_CONCURRENCY),
            "batch": (batch, MAX_BATCH),
            "retention_days": (retention_days, MAX_RETENTION_DAYS),
        }
        _check_bounds(where, timeout_s, counts)
        assert timeout_s is not None
        return Job(
            name=declared,
            payload=payload,
            handler=handler,
            key=key_field,
            timeout_s=float(timeout_s),
            attempts=attempts,
            concurrency=concurrency,
            batch=batch,
            schedule=_read_schedule(where, schedule, timezone, missed),
            retention_days=retention_days,
            file=where.file,
            line=where.line,
        )

    return declare


def inferred_name(module: str, function: str) -> str:
    """`<feature>.<verb>`: the package that holds the module, and the function without a trailing `_<feature>` or its
    singular."""
    parts = module.split(".")
    feature = parts[-2] if len(parts) > 1 else parts[-1]
    for noun in (feature, feature.removesuffix("s")):
        stripped = function.removesuffix(f"_{noun}")
        if stripped != function:
            return f"{feature}.{stripped}"
    return f"{feature}.{function}"


def by_name(jobs: Iterable[Job[Any]]) -> Mapping[str, Job[Any]]:
    """Jobs by name. Raises DeclarationError when two share a name, a queue or a payload type."""
    named: dict[str, Job[Any]] = {}
    taken: dict[object, Job[Any]] = {}
    for candidate in jobs:
        for what, identity in (("name or queue", candidate.queue), ("payload type", candidate.payload)):
            other = taken.setdefault(identity, candidate)
            if other is not candidate:
                raise DeclarationError(
                    f"jobs {other.name} ({other.file}:{other.line}) and {candidate.name} "
                    f"({candidate.file}:{candidate.line}) share a {what}"
                )
        named[candidate.name] = candidate
    return named


class _Where:
    """The place of a declaration, for messages."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        code = inspect.unwrap(handler).__code__
        self.file, self.line, self.name = code.co_filename, code.co_firstlineno, handler.__name__

    def refuse_unless(self, fine: bool, reason: str) -> None:
        if not fine:
            raise DeclarationError(f"{self.file}:{self.line}: job {self.name}: {reason}")


def _check_versions(where: _Where, payload: type[Payload]) -> None:
    newest = payload.schema_version
    where.refuse_unless(type(newest) is int and newest >= 1, f"{payload.__name__}.schema_version must be 1 or more")
    for version in payload.upcasts:
        where.refuse_unless(
            type(version) is int and 1 <= version < newest,
            f"{payload.__name__}.upcasts[{version!r}] leads nowhere: the versions before {newest} can be brought up",
        )


def _check_handler(where: _Where, handler: Callable[..., Any]) -> None:
    where.refuse_unless(inspect.iscoroutinefunction(handler), "its handler must be an async function")
    positional = [
        parameter
        for parameter in inspect.signature(handler).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    where.refuse_unless(len(positional) == 2, "its handler must take (payload, run)")


def _check_key(where: _Where, payload: type[Payload], key: str | None, *, scheduled: bool) -> str:
    fields = payload.model_fields
    where.refuse_unless(bool(key), f"it names no key; give key=<field of {payload.__name__}> (one effect per value)")
    assert key is not None
    where.refuse_unless(
        key in fields, f"its key {key!r} is no field of {payload.__name__}; it has {', '.join(fields) or 'none'}"
    )
    kind = _bare_type(fields[key].annotation)
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


def _bare_type(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated or hasattr(annotation, "__supertype__"):
        annotation = getattr(annotation, "__supertype__", None) or get_args(annotation)[0]
    # pydantic's AwareDatetime is a marker class, not a subclass of datetime, at run time
    return datetime if getattr(annotation, "__name__", "") == "AwareDatetime" else annotation


def _check_bounds(where: _Where, timeout_s: float | None, counts: Mapping[str, tuple[int, int]]) -> None:
    where.refuse_unless(
        isinstance(timeout_s, int | float) and MIN_TIMEOUT_S <= timeout_s <= MAX_TIMEOUT_S,
        f"timeout_s must be {MIN_TIMEOUT_S} to {MAX_TIMEOUT_S:.0f} seconds, not {timeout_s}",
    )
    for label, (value, most) in counts.items():
        where.refuse_unless(type(value) is int and 1 <= value <= most, f"{label} must be 1 to {most}, not {value}")


def _read_schedule(where: _Where, expression: str | None, timezone: str, missed: str) -> Schedule | None:
    if expression is None:
        return None
    try:
        return parse_schedule(expression, timezone, missed, now=datetime.now(UTC))
    except ValueError as error:
        where.refuse_unless(False, str(error))
        raise AssertionError from error
