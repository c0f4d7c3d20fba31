"""`jobs pause|resume|drain|cancel`: what an operator does to jobs that run."""

import asyncio
import getpass
import sys
import time
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from clarivum.application import load_application
from clarivum.cli.jobs_connection import declared_job, run_id_from, with_database, with_queue
from clarivum.cli.options import APPLICATION, Application, Data
from clarivum.database import Database
from clarivum.errors import UsageError
from clarivum.jobs import control
from clarivum.jobs.inspect import JobOverview, Jobs, list_jobs
from clarivum.jobs.transports.interface import Transport

JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job's name.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever looks at it later; no personal data.")]

LOOK_S = 0.5
SAY_EVERY_S = 5.0


def pause(job: JobName, reason: Reason = "", application: Application = APPLICATION, data: Data = None) -> None:
    """Let no worker begin a run of a job, until `resume`.

    What runs already ends as usual. Messages go on being accepted and wait. On Lambda, disable the event source mapping
    as well: AWS goes on delivering, and each delivery is handed back.
    """
    name = declared_job(load_application(application).jobs, job).name
    _refuse_long(reason)
    is_new = with_database(
        data, lambda database: control.pause(database, name, paused_by=getpass.getuser(), reason=reason)
    )
    typer.echo(f"  {name} {'is paused' if is_new else 'was paused already'}; go on with: ./clarivum jobs resume {name}")


def resume(job: JobName, data: Data = None) -> None:
    """Let workers begin runs of a paused job again; also of one that is not declared any more."""
    was_paused = with_database(data, lambda database: control.resume(database, job))
    typer.echo(f"  {job} {'goes on' if was_paused else 'was not paused'}")


def drain(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="[JOB]…", help="Only these. [all]")] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Give up after so many seconds, with exit code 1.")] = 300.0,
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """Wait until queues are empty and nothing of them runs: before a job is removed, or a database is moved.

    Workers do the work; stop what enqueues first. A paused job never drains, so it is refused.
    """
    declared = load_application(application).jobs
    chosen = {name: declared_job(declared, name) for name in jobs} if jobs else dict(declared)
    left = with_queue(data, lambda database, queue: _drain(database, queue, chosen, timeout))
    if left:
        typer.echo(f"  not empty after {timeout:g} s: {_listed(left)}", err=True)
        sys.exit(1)
    typer.echo(f"  empty: {', '.join(chosen)}")


def cancel(
    *,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run's id.")] = None,
    job: Annotated[str | None, typer.Option(help="With --key, instead of the run's id.")] = None,
    key: Annotated[str | None, typer.Option(help="With --job: the idempotency key.")] = None,
    reason: Reason = "",
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """Cancel a run, wherever it is; nothing of it is committed. Exit code 1 when it is too late, or nobody knows it.

    With --job and --key a run can be cancelled that was not enqueued yet, or lies in a queue on SQS; of a job with
    unique_s the one of the present window.
    """
    declared = load_application(application).jobs
    _refuse_long(reason)
    if (run is None) == (job is None) or (job is None) != (key is None):
        raise UsageError("name the run, or give --job and --key")
    if job is not None and key is not None:
        chosen = declared_job(declared, job)
        outcome = with_database(data, lambda database: control.cancel_key(database, chosen, key, reason=reason))
    else:
        run_id: UUID = run_id_from(str(run))
        outcome = with_database(data, lambda database: control.cancel(database, declared, run_id, reason=reason))
    typer.echo(f"  {outcome.value}")
    if outcome in {control.Cancelled.TOO_LATE, control.Cancelled.UNKNOWN}:
        sys.exit(1)


async def _drain(database: Database, queue: Transport, jobs: Jobs, timeout_s: float) -> Sequence[JobOverview]:
    """What is left when time is over; nothing when all are empty. Raises UsageError for a paused job."""
    if paused := [pause.job for pause in await control.pauses(database) if pause.job in jobs]:
        raise UsageError(f"{', '.join(paused)}: paused, so it does not drain; resume it or name the others")
    deadline, say_at = time.monotonic() + timeout_s, time.monotonic() + SAY_EVERY_S
    while True:
        left = [overview for overview in await list_jobs(database, jobs, queue) if overview.depth or overview.running]
        if not left or time.monotonic() > deadline:
            return left
        if time.monotonic() > say_at:
            typer.echo(f"  … {_listed(left)}", err=True)
            say_at = time.monotonic() + SAY_EVERY_S
        await asyncio.sleep(LOOK_S)


def _listed(left: Sequence[JobOverview]) -> str:
    return ", ".join(f"{each.job} {each.depth} queued, {each.running} running" for each in left)


def _refuse_long(reason: str) -> None:
    if len(reason) > control.MAX_REASON_CHARACTERS:
        raise UsageError(f"--reason has {len(reason)} characters; at most {control.MAX_REASON_CHARACTERS}")
