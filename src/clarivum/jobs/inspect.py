"""The read model of jobs: what the command line, the console and the docs show. Never a payload; results if asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from clarivum.database import WORKER, Database
from clarivum.jobs.declaration import Job
from clarivum.jobs.statements import queries
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.pgmq import PgmqTransport

Jobs = Mapping[str, Job[Any]]


@dataclass(frozen=True, slots=True)
class JobOverview:
    """One job and its queue. `ready`: visible now; `waiting`: for a retry or a delay; `oldest_age_s`: how long the
    oldest message that is due has waited."""

    job: str
    owner: str | None
    depth: int
    ready: int
    running: int
    waiting: int
    dead: int
    oldest_age_s: float | None
    schedule: str | None
    paused_since: datetime | None


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One entry of a run's history."""

    attempt: int
    at: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. `state`: queued, running, waiting (for a retry), done, dead. `next_at`: when it may be tried (again)."""

    run_id: UUID
    job: str
    key: str | None
    state: str
    attempt: int
    replays: int
    enqueued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    next_at: datetime | None
    history: tuple[FailedAttempt, ...]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a finished run left behind, and until when it is kept."""

    run_id: UUID
    job: str
    kept_until: datetime
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A run that was given up. `key` is None where the payload could not be read."""

    run_id: UUID
    died_at: datetime
    job: str
    key: str | None
    attempts: int
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters: of one job, of one error class, since a time; the newest `limit`."""

    since: datetime
    job: str | None = None
    error: str | None = None
    limit: int = 50


async def list_jobs(database: Database, jobs: Jobs, transport: Transport | None = None) -> list[JobOverview]:
    """Every job with its queue, by name. Raises DatabaseError or QueueError when a queue is missing."""
    transport = transport or PgmqTransport(database)
    letters = await database.session(WORKER).many(queries.count_dead_letters)
    dead = {row["job"]: row["letters"] for row in letters}
    paused = {row["job"]: row["paused_at"] for row in await database.session(WORKER).many(queries.paused_jobs)}
    overviews = []
    for name, job in sorted(jobs.items()):
        status = await transport.status(job)
        overviews.append(
            JobOverview(
                job=name,
                owner=job.owner,
                depth=status.depth,
                ready=status.ready,
                running=status.running,
                waiting=status.waiting,
                dead=dead.get(name, 0),
                oldest_age_s=status.oldest_age_s,
                schedule=f"{job.schedule.expression} {job.schedule.timezone}" if job.schedule else None,
                paused_since=paused.get(name),
            )
        )
    return overviews


async def latest_run(database: Database, jobs: Jobs) -> UUID | None:
    """The run that was started last."""
    row = await database.session(WORKER).maybe(queries.latest_run, jobs=sorted(jobs))
    return None if row is None else row["run_id"]


async def show_run(database: Database, jobs: Jobs, run_id: UUID, transport: Transport | None = None) -> RunView | None:
    """One run, wherever it is: in the ledger, still in its queue, or a dead letter that nobody could read."""
    session = database.session(WORKER)
    row = await session.maybe(queries.run_by_id, run_id=run_id)
    if row is not None:
        history, next_at = row.pop("history"), row.pop("claimable_at")
        return RunView(**row, next_at=next_at, history=tuple(FailedAttempt(**entry) for entry in history))
    letter = await session.maybe(queries.dead_letter_by_id, run_id=run_id)
    if letter is not None:
        failed = FailedAttempt(0, letter["died_at"].isoformat(), letter["error"], letter["message"])
        return RunView(
            run_id, letter["job"], letter["key"], "dead", 0, 0, None, None, letter["died_at"], None, (failed,)
        )
    for name, job in sorted(jobs.items()):
        queued = await (transport or PgmqTransport(database)).find(job, run_id)
        if queued is not None:
            return RunView(run_id, name, None, "queued", 0, 0, queued.enqueued_at, None, None, queued.visible_at, ())
    return None


async def result(database: Database, run_id: UUID) -> RunResult | None:
    """The result of a run. None: it has none, is not done, or its time is over. `Result.model_validate` types it."""
    row = await database.session(WORKER).maybe(queries.result_by_id, run_id=run_id)
    return None if row is None else RunResult(**row)


async def dead_letters(database: Database, wanted: DeadLetterFilter) -> list[DeadLetter]:
    """Dead letters, newest first."""
    session = database.session(WORKER)
    bounds = {"since": wanted.since, "error": wanted.error, "limit": wanted.limit}
    if wanted.job is None:
        rows = await session.many(queries.latest_dead_letters, **bounds)
    else:
        rows = await session.many(queries.dead_letters_of_job, job=wanted.job, **bounds)
    return [DeadLetter(**row) for row in rows]
