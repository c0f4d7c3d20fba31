"""`@job`: one declaration from which queue, worker, ledger key, schedule and documentation follow."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Any, Generic, TypeVar

from clarivum.errors import DeclarationError
from clarivum.jobs.cron import Schedule
from clarivum.jobs.declaration_checks import (
    MAX_ATTEMPTS,
    MAX_BATCH,
    MAX_CONCURRENCY,
    MAX_LIMIT,
    MAX_RETENTION_DAYS,
    Where,
    check_bounds,
    check_days,
    check_handler,
    check_key,
    check_settings,
    check_unique,
    check_versions,
    read_priority,
    read_rate,
    read_schedule,
    result_of,
)
from clarivum.jobs.payload import Payload
from clarivum.jobs.priority import Priority
from clarivum.jobs.rate import Rate
from clarivum.jobs.results import Result
from clarivum.jobs.run import Run

P = TypeVar("P", bound=Payload)
Handler = Callable[[P, Run], Awaitable[Result | None]]

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\.[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
MAX_NAME_CHARACTERS = 47  # pgmq's limit for a queue name
MAX_KEY_CHARACTERS = 255


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
    limit: int | None = None
    """Runs at once in all processes together; None: no such limit."""
    rate: Rate | None = None
    """How often attempts may begin in all processes together; None: as often as there is work."""
    priority: Priority = Priority.NORMAL
    """Who gets a place of a process first when there are too few."""
    unique_s: int | None = None
    """The key is unique within a window of so many seconds; None: for as long as the ledger remembers it."""
    result: type[Result] | None = None
    """What a finished run leaves behind."""
    results_days: int = 7
    errors_days: int = 90
    """How long a dead letter and why it died are kept; then they are removed, and the key is free again."""
    settings: tuple[str, ...] = ()
    """Environment variables that the handler reads, such as SMTP_URL."""

    async def __call__(self, payload: P, run: Run) -> Result | None:
        """Call the handler itself, as a test does."""
        return await self.handler(payload, run)

    @property
    def is_limited(self) -> bool:
        """Whether a run needs a permit or a token that all processes share."""
        return self.limit is not None or self.rate is not None

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
        """The idempotency key as text.

        Raises ValueError when it is empty, longer than MAX_KEY_CHARACTERS, or a datetime outside the years 1 to 9999
        in UTC.
        """
        try:
            text = key_text(getattr(payload, self.key))
        except OverflowError:
            raise ValueError(f"/{self.key}: in UTC it lies outside the years 1 to 9999") from None
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
    limit: int | None = None,
    rate: str | None = None,
    priority: str = "normal",
    unique_s: int | None = None,
    results_days: int | None = None,
    errors_days: int = 90,
    settings: Iterable[str] = (),
) -> Callable[[Handler[P]], Job[P]]:
    """Declare an async function `(payload, run)` as a job.

    `name`: inferred from the module and the function when absent: `enrich_lead` in `bff/leads/jobs.py` is
    `leads.enrich`, `export_data` in `bff/privacy/jobs.py` is `privacy.export_data`.
    `key`: required; for a scheduled job the datetime field that receives the tick, all others having defaults.
    `timeout_s`: 0.1 to 7,200; the attempt is cancelled then. `attempts`: 1 to 25, then the job is a dead letter.
    `batch`: above 1 only for handlers whose whole effect is in `run.transaction`: a failure rolls the batch back and
    each of its runs is tried again by itself.
    `limit`: 1 to 1,000 runs at once in all processes together. `rate`: `100/minute`, attempts begun in all processes.
    `priority`: `high`, `normal` or `low`, for the places of a process.
    `unique_s`: the same key within one window of so many seconds is the same run, in the next one another. Windows are
    counted from 1970-01-01 UTC by the clock of whoever enqueues: with 3,600 they are the hours.
    `results_days`: how long the Result is kept that the handler is annotated to return; 7, or `retention_days` if less.
    `errors_days`: how long dead letters are kept.
    `settings`: environment variables that the handler reads. A worker does not start in production while one is missing
    that has no default; `jobs template` hands them to the job's function.
    `schedule`: cron, in `timezone`; `missed`: what becomes of ticks nobody was there for, `skip` or `once`.

    Raises DeclarationError with the file and line.
    """

    given = _Given(
        name=name,
        key=key,
        timeout_s=timeout_s,
        attempts=attempts,
        concurrency=concurrency,
        batch=batch,
        schedule=schedule,
        timezone=timezone,
        missed=missed,
        retention_days=retention_days,
        limit=limit,
        rate=rate,
        priority=priority,
        unique_s=unique_s,
        results_days=results_days,
        errors_days=errors_days,
        settings=settings,
    )
    return lambda handler: _declare(handler, payload, given)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What a declaration says, before anybody looked at it."""

    name: str | None
    key: str | None
    timeout_s: float | None
    attempts: int
    concurrency: int | None
    batch: int
    schedule: str | None
    timezone: str
    missed: str
    retention_days: int
    limit: int | None
    rate: str | None
    priority: str
    unique_s: int | None
    results_days: int | None
    errors_days: int
    settings: Iterable[str]


def _declare(handler: Handler[P], payload: type[P], given: _Given) -> Job[P]:
    where = Where(handler)
    declared = given.name or inferred_name(handler.__module__, handler.__name__)
    where.refuse_unless(
        NAME.fullmatch(declared) is not None and len(declared) <= MAX_NAME_CHARACTERS,
        f"job name {declared!r} must read <feature>.<verb> in snake_case, at most {MAX_NAME_CHARACTERS} characters",
    )
    where.name = declared
    where.refuse_unless(
        isinstance(payload, type) and issubclass(payload, Payload), "its payload type must be a subclass of Payload"
    )
    check_versions(where, payload)
    check_handler(where, handler)
    key_field = check_key(where, payload, given.key, scheduled=given.schedule is not None)
    counts = {
        "attempts": (given.attempts, MAX_ATTEMPTS),
        "concurrency": (1 if given.concurrency is None else given.concurrency, MAX_CONCURRENCY),
        "batch": (given.batch, MAX_BATCH),
        "limit": (1 if given.limit is None else given.limit, MAX_LIMIT),
        "retention_days": (given.retention_days, MAX_RETENTION_DAYS),
        "results_days": (1 if given.results_days is None else given.results_days, MAX_RETENTION_DAYS),
        "errors_days": (given.errors_days, MAX_RETENTION_DAYS),
    }
    check_bounds(where, given.timeout_s, counts)
    assert given.timeout_s is not None
    check_unique(where, given.unique_s, scheduled=given.schedule is not None, retention_days=given.retention_days)
    result = result_of(where, handler)
    kept = check_days(
        where, has_result=result is not None, results_days=given.results_days, retention_days=given.retention_days
    )
    return Job(
        name=declared,
        payload=payload,
        handler=handler,
        key=key_field,
        timeout_s=float(given.timeout_s),
        attempts=given.attempts,
        concurrency=given.concurrency,
        batch=given.batch,
        schedule=read_schedule(where, given.schedule, given.timezone, given.missed),
        retention_days=given.retention_days,
        limit=given.limit,
        rate=read_rate(where, given.rate),
        priority=read_priority(where, given.priority),
        unique_s=given.unique_s,
        result=result,
        results_days=kept,
        errors_days=given.errors_days,
        settings=check_settings(where, given.settings),
        file=where.file,
        line=where.line,
    )


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
