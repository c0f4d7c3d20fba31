"""docs/jobs.md: one section a job, made from its declaration. Pure."""

from collections.abc import Iterator, Mapping
from inspect import getdoc
from pathlib import Path
from typing import Any

from clarivum.checks.pages.job_words import (
    batch,
    duration,
    kept,
    key,
    limits,
    payload_rows,
    retries,
    schedule,
)
from clarivum.checks.pages.text import wrapped
from clarivum.jobs import Job
from clarivum.jobs.infrastructure import fits_function
from clarivum.jobs.transports.sqs.names import DEAD_LETTER_SUFFIX
from clarivum.owners import Owner

INTRODUCTION = """# Jobs

What runs in the background, whom to ask about it, and how to look and mend. [The guide](guide/jobs.md) tells how jobs
are declared and enqueued, [the runbook](runbooks/deployment.md) how one is deployed, rolled back and removed.

"""
ON_SQS = """
On SQS each name stands behind `CLARIVUM_SQS_QUEUE_PREFIX`. Dead letters are in `clarivum.dead_letters` whatever
the transport; the dead-letter queue of SQS only catches what nobody could settle, and workers and `jobs relay` fetch
that back.
"""


def jobs_page(jobs: Mapping[str, Job[Any]], owners: Mapping[str, Owner], root: Path) -> str:
    """The page's Markdown. `root`: what the places of the declarations are told from."""
    listed = "".join(
        f"| [{name}](#{anchor(name)}) | {cell(job.summary)} | {team(job, owners)} | "
        f"{f'`{job.schedule.expression}` {job.schedule.timezone}' if job.schedule else ''} |\n"
        for name, job in sorted(jobs.items())
    )
    sections = "\n".join("".join(_section(job, owners, root)) for _, job in sorted(jobs.items()))
    return f"{INTRODUCTION}| job | purpose | ask | schedule |\n|---|---|---|---|\n{listed}{ON_SQS}\n{sections}"


def anchor(job_name: str) -> str:
    """As GitHub makes it of a heading."""
    return job_name.replace(".", "")


def team(job: Job[Any], owners: Mapping[str, Owner]) -> str:
    """Whom to ask, and where."""
    owner = owners.get(job.owner or "")
    return f"{owner.person}, {owner.channel}" if owner else f"{job.owner or 'nobody'}, who is not in owners.toml"


def cell(text: str) -> str:
    """Text within a table."""
    return " ".join(text.split()).replace("|", "\\|")


def alarms(job: Job[Any]) -> list[str]:
    """What wakes somebody: the alarms of the AWS template, and the metrics to watch elsewhere."""
    name = "".join(part.capitalize() for part in job.queue.split("_"))
    on_lambda = fits_function(job)
    given_up = f"`{name}GivenUpAlarm` (Lambda only) or " if on_lambda else ""
    listed = [
        f"`{name}AgeAlarm` or `clarivum.job.queue.oldest_age`: the oldest message waits for more than 15 min",
        f"`{name}DepthAlarm` or `clarivum.job.queue.depth`: more than 1,000 messages wait for 15 min",
        f"{given_up}`clarivum.job.dead_letters`: a run was given up",
        f"`{name}DeadLettersAlarm` (SQS only): SQS gave a message up that nobody could settle",
    ]
    return [*listed, f"`{name}ErrorsAlarm` (Lambda only): the function fails as a whole"] if on_lambda else listed


def _section(job: Job[Any], owners: Mapping[str, Owner], root: Path) -> Iterator[str]:
    yield f"## {job.name}\n\n{_purpose(job)}\n\n"
    rows = {
        "ask": team(job, owners),
        "declared in": f"`{_place(job, root)}`",
        "queue": f"`{job.queue}`; on SQS also `{job.queue}{DEAD_LETTER_SUFFIX}`",
        "key": key(job),
        "schedule": schedule(job),
        "timeout": f"{duration(job.timeout_s)}; a fetched message is hidden for {duration(job.visibility_s)}",
        "retries": retries(job),
        "at once": limits(job),
        "batch": batch(job),
        "kept": kept(job),
        "telemetry": f"spans `send {job.queue}`, `process {job.queue}`; metrics `clarivum.job.*` where "
        f"`clarivum.job.name` is `{job.name}`",
        "alarms": "<br>".join(alarms(job)),
    }
    yield "| | |\n|---|---|\n" + "".join(f"| {name} | {cell(text)} |\n" for name, text in rows.items())
    yield from _payload(job)
    yield _commands(job)


def _purpose(job: Job[Any]) -> str:
    paragraphs = (getdoc(job.handler) or "Nobody has said what it is for.").split("\n\n")
    return "\n\n".join(wrapped(" ".join(paragraph.split())) for paragraph in paragraphs)


def _place(job: Job[Any], root: Path) -> str:
    path = Path(job.file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _payload(job: Job[Any]) -> Iterator[str]:
    document = job.payload.model_json_schema(mode="validation")
    older = ", ".join(map(str, sorted(job.payload.upcasts)))
    upcasts = f"; it brings versions {older} up to date" if older else ""
    yield f"\nPayload `{job.payload.__name__}`, version {job.payload.schema_version}{upcasts}:\n\n"
    described = [(job.payload.__name__, document)]
    described += [(name, each) for name, each in document.get("$defs", {}).items() if "properties" in each]
    for name, schema in described:
        if name != job.payload.__name__:
            yield f"\nin it `{name}`:\n\n"
        yield "| field | type | default | |\n|---|---|---|---|\n"
        rows = payload_rows({**schema, "$defs": document.get("$defs", {})})
        yield "".join(
            f"| `{field}` | {cell(kind)} | {cell(default)} | {cell(about)} |\n" for field, kind, default, about in rows
        )


def _commands(job: Job[Any]) -> str:
    return f"""
```sh
./clarivum jobs dead --job {job.name} --since 24h  # what was given up, and why; `jobs show RUN` tells of one
./clarivum jobs redrive --job {job.name}  # send its dead letters again; a second time does nothing
./clarivum jobs pause {job.name} --reason "…"  # no run begins, the queue goes on accepting
./clarivum jobs resume {job.name}
./clarivum jobs drain {job.name} --timeout 300  # wait until its queue is empty and nothing runs
./clarivum jobs cancel --job {job.name} --key KEY  # settle a run without its effect
```
"""
