"""`jobs timetable`: when a run that fails is tried again, and when it is given up."""

from typing import Annotated

import typer

from clarivum.application import load_application
from clarivum.cli.jobs_connection import declared_job
from clarivum.cli.jobs_report import duration, write_json, write_table
from clarivum.cli.options import APPLICATION, Application
from clarivum.cli.terminal import Format
from clarivum.jobs.timetable import Moment, Timetable, timetable_of


def timetable(
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="Only this one. [all]")] = None,
    form: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TEXT,
    application: Application = APPLICATION,
) -> None:
    """Show when the attempts at a run begin if each one fails, and when it becomes a dead letter.

    Counted from the start of the first attempt. Earliest: every attempt fails at once and draws no wait. Expected: it
    draws the mean. Latest: every attempt is ended by its timeout and draws the longest wait.
    """
    jobs = load_application(application).jobs
    chosen = [declared_job(jobs, job)] if job is not None else [jobs[name] for name in sorted(jobs)]
    tables = [timetable_of(each) for each in chosen]
    if form is Format.JSON:
        write_json(tables)
        return
    for number, table in enumerate(tables):
        if number:
            typer.echo()
        _write(table)


def _write(table: Timetable) -> None:
    typer.echo(f"  {table.job}: {len(table.attempts)} attempts of at most {table.timeout_s:g} s")
    rows = [
        (
            f"attempt {attempt.number}",
            f"0 to {attempt.wait_s} s" if attempt.number > 1 else "-",
            *_times(attempt.begins),
        )
        for attempt in table.attempts
    ]
    write_table(("", "waits", "earliest", "expected", "latest"), [*rows, ("dead letter", "-", *_times(table.dead))])
    typer.echo(f"  an attempt whose process disappears is tried again after {table.lost_s} s instead")


def _times(moment: Moment) -> tuple[str, str, str]:
    return duration(moment.earliest_s), duration(moment.expected_s), duration(moment.latest_s)
