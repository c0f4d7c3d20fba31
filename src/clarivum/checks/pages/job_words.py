"""What a job's declaration means, in words: for the pages that tell of it. Pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cronsim import CronSim

from clarivum.jobs import Job
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.cron import Missed

ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""What cronsim asks for and its words do not depend on."""
MISSED = {
    Missed.SKIP: "a tick that nobody was there for is dropped when more than a minute late",
    Missed.ONCE: "of the ticks that nobody was there for, the latest fires once",
}
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def duration(seconds: float) -> str:
    """`90` gives `1 min 30 s`."""
    parts = []
    for unit, size in (("d", DAY_S), ("h", HOUR_S), ("min", MINUTE_S)):
        if seconds >= size:
            parts.append(f"{int(seconds // size)} {unit}")
            seconds %= size
    if seconds or not parts:
        parts.append(f"{seconds:g} s")
    return " ".join(parts)


def schedule(job: Job[Any]) -> str:
    """When it runs by itself."""
    if job.schedule is None:
        return "none: it runs when it is enqueued"
    told = CronSim(job.schedule.expression, ANY_TIME).explain()
    return f"`{job.schedule.expression}` in {job.schedule.timezone}. {told}; {MISSED[job.schedule.missed]}"


def retries(job: Job[Any]) -> str:
    """The timetable of its attempts."""
    if job.attempts == 1:
        return "one attempt, then a dead letter"
    backoff = Backoff()
    waits = [backoff.ceiling_s(attempt) for attempt in range(1, job.attempts)]
    listed = ", ".join(duration(wait) for wait in waits)
    longest = duration(sum(waits) + job.attempts * job.timeout_s)
    return (
        f"{job.attempts} attempts, then a dead letter. Waits are drawn evenly from 0 to {listed}; "
        f"after {longest} at the latest it is decided, if a place is free: `./clarivum jobs timetable {job.name}`"
    )


def key(job: Job[Any]) -> str:
    """What makes two messages one run, and for how long."""
    window = f" within each window of {duration(job.unique_s)}" if job.unique_s is not None else ""
    return f"`{job.key}`: one effect per value{window}, remembered for {_days(job.retention_days)} after the run"


def limits(job: Job[Any]) -> str:
    """How many of it run at once, and how often."""
    told = [
        f"at most {job.concurrency} at once in a process"
        if job.concurrency
        else "as many at once as a worker has places",
    ]
    if job.limit is not None:
        told.append(f"at most {job.limit} at once in all processes")
    if job.rate is not None:
        told.append(f"at most {job.rate} begun in all processes")
    return f"{'; '.join(told)}; priority {job.priority.value}"


def batch(job: Job[Any]) -> str:
    if job.batch == 1:
        return "each run has a transaction of its own"
    return f"up to {job.batch} runs share a transaction; when one fails, each is tried again by itself"


def kept(job: Job[Any]) -> str:
    """What is kept of it, and how long."""
    result = f"its result {_days(job.results_days)}; " if job.result is not None else ""
    return f"finished runs {_days(job.retention_days)}; {result}dead letters {_days(job.errors_days)}"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def payload_rows(document: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Of a payload's JSON Schema: field, type and bounds, default, and what it is about."""
    required = set(document.get("required", ()))
    return [
        (name, _type(schema, document), _default(name, schema, required), schema.get("description", ""))
        for name, schema in document.get("properties", {}).items()
    ]


def _default(name: str, schema: Mapping[str, Any], required: set[str]) -> str:
    if name in required:
        return "required"
    return f"`{_json(schema['default'])}`" if "default" in schema else "made anew"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


BOUNDS = (
    ("minimum", "≥ {}"), ("exclusiveMinimum", "> {}"), ("maximum", "≤ {}"), ("exclusiveMaximum", "< {}"),
    ("multipleOf", "a multiple of {}"), ("minLength", "at least {} characters"), ("maxLength", "at most {} characters"),
    ("pattern", "`{}`"), ("minItems", "at least {} items"), ("maxItems", "at most {} items"),
    ("minProperties", "at least {} members"), ("maxProperties", "at most {} members"),
)  # fmt: skip


def _type(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = document["$defs"][name]
        return name if "properties" in target else _type(target, document)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(choice, document) for choice in choices)
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{_json(value)}`" for value in schema.get("enum", [schema.get("const")]))
    told = str(schema.get("format") or schema.get("type") or "any JSON")
    if "prefixItems" in schema:
        told = f"[{', '.join(_type(each, document) for each in schema['prefixItems'])}]"
    elif schema.get("type") == "array":
        told = f"list of {_type(schema.get('items', {}), document)}"
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        told = f"object of {_type(schema['additionalProperties'], document)}"
    bounds = [words.format(schema[name]) for name, words in BOUNDS if name in schema]
    return ", ".join([told, *bounds])
