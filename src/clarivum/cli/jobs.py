"""`jobs`: what runs, what ran, what failed; enqueue by hand, run a worker, send dead letters again."""

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from clarivum.application import load_application
from clarivum.cli.durations import seconds_of
from clarivum.cli.group import group
from clarivum.cli.jobs_connection import declared_job, run_id_from, with_database, with_queue
from clarivum.cli.jobs_control import cancel, drain, pause, resume
from clarivum.cli.jobs_report import write_enqueued, write_job_list, write_letters, write_redriven, write_run
from clarivum.cli.jobs_soak import soak
from clarivum.cli.jobs_sqs import queues, relay
from clarivum.cli.jobs_template import template
from clarivum.cli.jobs_timetable import timetable
from clarivum.cli.jobs_types import types
from clarivum.cli.options import APPLICATION, Application, Data
from clarivum.cli.place import database_url
from clarivum.cli.terminal import Format
from clarivum.database import WORKER, Database
from clarivum.errors import UsageError
from clarivum.jobs import Job, PayloadError, outbox
from clarivum.jobs.inspect import DeadLetterFilter, dead_letters, latest_run, list_jobs, result, show_run
from clarivum.jobs.needed_settings import refuse_missing
from clarivum.jobs.outbox import MAX_DELAY_S
from clarivum.jobs.payload import decode
from clarivum.jobs.redrive import redrive as redrive_runs
from clarivum.jobs.transports.interface import Transport
from clarivum.settings import Settings

app = group(no_args_is_help=True)

Form = Annotated[Format, typer.Option("--format", help="How the answer is written.")]
MAX_SINCE_DAYS = 3_660
REDRIVE_AT_ONCE = 100
MAX_LETTERS = 10_000


@app.command("list")
def list_command(form: Form = Format.TEXT, application: Application = APPLICATION, data: Data = None) -> None:
    """List the jobs with their queues: depth, age, running, waiting, dead."""
    jobs = load_application(application).jobs
    write_job_list(with_queue(data, lambda database, queue: list_jobs(database, jobs, queue)), form)


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or `latest`.")],
    with_result: Annotated[bool, typer.Option("--result", help="Also what it left behind.")] = False,
    form: Form = Format.TEXT,
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """Show one run: state, attempts, times, and why attempts failed."""
    jobs = load_application(application).jobs
    run_id = None if run == "latest" else run_id_from(run)

    async def read(database: Database, queue: Transport) -> Any:
        wanted = run_id or await latest_run(database, jobs)
        if wanted is None:
            return None, None
        kept = await result(database, wanted) if with_result else None
        return await show_run(database, jobs, wanted, queue), kept

    view, kept = with_queue(data, read)
    if view is None:
        raise UsageError("no job has run yet" if run_id is None else f"there is no run {run_id}, or it was forgotten")
    write_run(view, form, kept, asked=with_result)


@app.command()
def dead(
    *,
    job: Annotated[str | None, typer.Option(help="Only this job.")] = None,
    error: Annotated[str | None, typer.Option(help="Only this error class.")] = None,
    since: Annotated[str, typer.Option(help="Not older than: 30m, 24h, 7d.")] = "30d",
    limit: Annotated[int, typer.Option(min=1, max=MAX_LETTERS, help="The newest so many.")] = 50,
    form: Form = Format.TEXT,
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """List dead letters, newest first."""
    wanted = _filter(load_application(application).jobs, job, error, since, limit)
    write_letters(with_database(data, lambda database: dead_letters(database, wanted)), form)


@app.command()
def redrive(
    *,
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]…", help="Runs to send again.")] = None,
    job: Annotated[str | None, typer.Option(help="All dead letters of this job.")] = None,
    error: Annotated[str | None, typer.Option(help="With --job: only this error class.")] = None,
    since: Annotated[str, typer.Option(help="With --job: not older than 30m, 24h, 7d.")] = "30d",
    form: Form = Format.TEXT,
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """Send dead letters again, with all their attempts ahead of them. A second time does nothing."""
    if bool(runs) == bool(job):
        raise UsageError("name the runs, or a job with --job")
    jobs = load_application(application).jobs
    wanted = _filter(jobs, job, error, since, MAX_LETTERS)
    chosen = [run_id_from(run) for run in runs or []]
    redriven, asked = with_queue(data, lambda database, queue: _redrive(database, queue, jobs, chosen, wanted))
    write_redriven(redriven, asked, form)


@app.command()
def enqueue(
    *,
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job's name.")],
    payload: Annotated[str, typer.Argument(metavar="PAYLOAD", help="Its payload as JSON; - reads standard input.")],
    delay: Annotated[int, typer.Option(min=0, max=MAX_DELAY_S, help="Seconds until it may start.")] = 0,
    form: Form = Format.TEXT,
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """Enqueue a job and print its run's id. The same idempotency key gives the same run, and one effect."""
    jobs = load_application(application).jobs
    declared = declared_job(jobs, job)

    async def put(database: Database, queue: Transport) -> UUID:
        box = outbox(jobs.values(), queue)
        async with database.session(WORKER).transaction() as tx:
            return box.put(tx, decode(declared.payload, sys.stdin.read() if payload == "-" else payload), delay_s=delay)

    try:
        write_enqueued(with_queue(data, put), form)
    except PayloadError as refused:
        lines = [f"  {violation.pointer or '/'}: {violation.message}" for violation in refused.violations]
        raise UsageError("\n".join([refused.detail, *lines])) from None


@app.command()
def work(
    concurrency: Annotated[int | None, typer.Option(min=1, max=1_000, help="Runs at once. [settings]")] = None,
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """Run a worker, with the scheduler, until SIGTERM or Ctrl-C; then let what runs finish."""
    from clarivum.jobs.options import WorkerOptions  # noqa: PLC0415 - the other commands start faster without the worker
    from clarivum.jobs.worker.process import work as run_worker  # noqa: PLC0415

    settings = Settings.load(os.environ)
    jobs = load_application(application).jobs.values()
    refuse_missing(jobs, settings)
    options = WorkerOptions(concurrency=concurrency or settings.job_concurrency)
    run_worker(jobs, settings, database_url=database_url(settings, data), options=options)


for command in (pause, resume, drain, cancel, timetable, types, template, relay, queues, soak):
    app.command()(command)


# -- steps -------------------------------------------------------------------------------------------------------------
async def _redrive(
    database: Database, queue: Transport, jobs: dict[str, Job[Any]], chosen: list[UUID], wanted: DeadLetterFilter
) -> tuple[list[UUID], int]:
    """What was sent again, and how many were asked for."""
    if wanted.job is not None:
        chosen = [letter.run_id for letter in await dead_letters(database, wanted)]
    redriven: list[UUID] = []
    for first in range(0, len(chosen), REDRIVE_AT_ONCE):
        some = chosen[first : first + REDRIVE_AT_ONCE]
        for job in [jobs[wanted.job]] if wanted.job else jobs.values():
            redriven += await redrive_runs(database, job, some, queue)
        if sys.stderr.isatty() and len(chosen) > REDRIVE_AT_ONCE:
            print(f"\r  … {first + len(some)} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    return redriven, len(chosen)


def _filter(jobs: dict[str, Job[Any]], job: str | None, error: str | None, since: str, limit: int) -> DeadLetterFilter:
    at = datetime.now(UTC) - timedelta(seconds=seconds_of(since, "--since", most_days=MAX_SINCE_DAYS))
    wanted = DeadLetterFilter(since=at, error=error, limit=limit)
    return wanted if job is None else replace(wanted, job=declared_job(jobs, job).name)
