"""Jobs, runs and dead letters as people and machines read them."""

import dataclasses
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import typer

from clarivum.cli.terminal import Format
from clarivum.jobs.inspect import DeadLetter, JobOverview, RunResult, RunView

REASON_CHARACTERS = 100


def write_job_list(jobs: Sequence[JobOverview], form: Format) -> None:
    if form is Format.JSON:
        write_json(jobs)
        return
    header = ("job", "ready", "running", "waiting", "dead", "depth", "oldest", "schedule", "owner", "")
    rows = [
        (
            job.job,
            str(job.ready),
            str(job.running),
            str(job.waiting),
            str(job.dead),
            str(job.depth),
            duration(job.oldest_age_s) if job.depth and job.oldest_age_s is not None else "-",
            job.schedule or "-",
            job.owner or "-",
            f"paused since {_moment(job.paused_since)}" if job.paused_since else "",
        )
        for job in jobs
    ]
    write_table(header, rows)


def write_run(run: RunView, form: Format, result: RunResult | None = None, *, asked: bool = False) -> None:
    """`asked`: whether the result is wanted at all."""
    if form is Format.JSON:
        write_json({**_fields(run), "result": result} if asked else run)
        return
    typer.echo(f"  run       {run.run_id}")
    typer.echo(f"  job       {run.job}")
    if run.key is not None:
        typer.echo(f"  key       {run.key}")
    replays = f", {run.replays} replay{'' if run.replays == 1 else 's'}" if run.replays else ""
    typer.echo(f"  state     {run.state}, {run.attempt} attempt{'' if run.attempt == 1 else 's'}{replays}")
    for label, at in (("enqueued", run.enqueued_at), ("started", run.started_at), ("finished", run.finished_at)):
        if at is not None:
            after = ""
            if run.enqueued_at is not None and at is not run.enqueued_at:
                after = f"   + {duration((at - run.enqueued_at).total_seconds())}"
            typer.echo(f"  {label:<9} {_moment(at)}{after}")
    if run.next_at is not None and run.state in {"waiting", "queued"}:
        typer.echo(f"  next      {_moment(run.next_at)}")
    for entry in run.history:
        typer.echo(f"  attempt {entry.attempt} failed at {entry.at}: {entry.error}: {entry.message}")
    if asked:
        kept = "none" if result is None else orjson.dumps(result.result, option=orjson.OPT_SORT_KEYS).decode()
        typer.echo(f"  result    {kept}")


def write_letters(letters: Sequence[DeadLetter], form: Format) -> None:
    if form is Format.JSON:
        write_json(letters)
        return
    if not letters:
        typer.echo("  no dead letters")
        return
    rows = [
        (
            str(letter.run_id),
            letter.job,
            _moment(letter.died_at),
            str(letter.attempts),
            letter.error,
            letter.message[:REASON_CHARACTERS].replace("\n", " "),
        )
        for letter in letters
    ]
    write_table(("run", "job", "died", "attempts", "error", "reason"), rows)
    typer.echo(f"  {len(letters)} shown; send again with: clarivum jobs redrive RUN… | --job NAME")


def write_enqueued(run_id: UUID, form: Format) -> None:
    if form is Format.JSON:
        write_json({"run_id": run_id})
    else:
        typer.echo(run_id)


def write_redriven(redriven: Sequence[UUID], asked: int, form: Format) -> None:
    if form is Format.JSON:
        write_json({"redriven": redriven, "asked": asked})
        return
    if not asked:
        typer.echo("  no dead letters")
        return
    missing = asked - len(redriven)
    note = f"; {missing} {'was' if missing == 1 else 'were'} no dead letter (any more)" if missing else ""
    typer.echo(f"  {len(redriven)} sent again{note}")


def duration(seconds: float) -> str:
    """`850 ms`, `3.2 s`, `12 min`, `5.1 h`, `3.0 d`."""
    for limit, divisor, unit, digits in ((1, 0.001, "ms", 0), (120, 1, "s", 1), (7_200, 60, "min", 0)):
        if seconds < limit:
            return f"{seconds / divisor:.{digits}f} {unit}"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        typer.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _fields(record: Any) -> dict[str, object]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def write_json(value: object) -> None:
    def plain(item: object) -> object:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return _fields(item)
        raise TypeError(type(item).__name__)

    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(value, default=plain, option=options).decode())
    sys.stdout.flush()
