"""What operators do to jobs: pause and resume them, cancel a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clarivum.clock import SYSTEM_CLOCK
from clarivum.database import WORKER, Database, Transaction
from clarivum.jobs.declaration import Job
from clarivum.jobs.message import run_id_of, window_of
from clarivum.jobs.statements import queries

MAX_REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Pause:
    """A job that no worker begins runs of. What runs already ends as usual, and messages go on being accepted."""

    job: str
    paused_at: datetime
    paused_by: str
    reason: str


class Cancelled(StrEnum):
    """What cancelling came to."""

    BEFORE_IT_BEGAN = "cancelled before it began"
    WHILE_IT_WAITED = "cancelled while it waited for another attempt"
    WHILE_IT_RAN = "cancelled while it ran: nothing of it is committed, and the handler is stopped within seconds"
    TOO_LATE = "not cancelled: it is settled"
    UNKNOWN = "not cancelled: neither the ledger nor a queue here knows it"


async def pause(database: Database, job: str, *, paused_by: str, reason: str) -> bool:
    """Pause a job on all workers, within seconds; a batch that was fetched is handed back. False if it was paused."""
    async with database.session(WORKER).transaction() as tx:
        return bool((await tx.one(queries.pause_job, job=job, paused_by=paused_by, reason=reason))["is_new"])


async def resume(database: Database, job: str) -> bool:
    """Let workers begin runs again. False if it was not paused."""
    async with database.session(WORKER).transaction() as tx:
        return bool(await tx.execute(queries.resume_job, job=job))


async def pauses(database: Database) -> list[Pause]:
    """The paused jobs, by name."""
    return [Pause(**row) for row in await database.session(WORKER).many(queries.paused_jobs)]


async def cancel(database: Database, jobs: Mapping[str, Job[Any]], run_id: UUID, *, reason: str) -> Cancelled:
    """Settle a run without its effect, whether it waits in a queue of this database, for a retry, or runs.

    A message on another transport cannot be found by its run: use `cancel_key`. Cancelling twice changes nothing. The
    idempotency key stays taken until the job's retention is over.
    """
    async with database.session(WORKER).transaction() as tx:
        outcome = await _cancel_begun(tx, run_id, reason)
        if outcome is not Cancelled.UNKNOWN:
            return outcome
        for name, job in sorted(jobs.items()):
            messages = await tx.many(queries.take_message, queue=job.queue, run_id=str(run_id))
            if messages:
                return await _enter(tx, run_id, name, reason, **messages[0])
    return Cancelled.UNKNOWN


async def cancel_key(
    database: Database, job: Job[Any], key: str, *, reason: str, at: datetime | None = None
) -> Cancelled:
    """As `cancel`, for the run of an idempotency key; also before it was ever enqueued.

    `at`: for a job with unique_s, a moment of the window that is meant; now if absent.
    """
    run_id = run_id_of(job.name, key, window_of(job, at or SYSTEM_CLOCK.now()))
    async with database.session(WORKER).transaction() as tx:
        outcome = await _cancel_begun(tx, run_id, reason)
        if outcome is not Cancelled.UNKNOWN:
            return outcome
        await tx.many(queries.take_message, queue=job.queue, run_id=str(run_id))
        return await _enter(tx, run_id, job.name, reason, key=key, message_id="", enqueued_at=None)


async def _cancel_begun(tx: Transaction, run_id: UUID, reason: str) -> Cancelled:
    row = await tx.maybe(queries.cancel_run, run_id=run_id, reason=reason)
    if row is not None:
        return Cancelled.WHILE_IT_RAN if row["was"] == "running" else Cancelled.WHILE_IT_WAITED
    known = await tx.maybe(queries.run_by_id, run_id=run_id)
    return Cancelled.UNKNOWN if known is None else Cancelled.TOO_LATE


async def _enter(tx: Transaction, run_id: UUID, job: str, reason: str, **message: Any) -> Cancelled:
    """Between our look and this, a worker may have claimed it: then it is cancelled as a run that has begun."""
    if await tx.maybe(queries.enter_cancelled, run_id=run_id, job=job, reason=reason, **message) is None:
        return await _cancel_begun(tx, run_id, reason)
    return Cancelled.BEFORE_IT_BEGAN
