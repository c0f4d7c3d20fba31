"""Sending dead letters again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from clarivum.database import WORKER, Database
from clarivum.jobs.declaration import Job
from clarivum.jobs.statements import queries


async def redrive(database: Database, job: Job[Any], run_ids: Sequence[UUID]) -> list[UUID]:
    """Send dead letters of a job again, all attempts ahead of them; returns those that were still there.

    A letter leaves the dead letters in the transaction that enqueues it: a second redrive finds nothing to do.
    """
    async with database.session(WORKER).transaction() as tx:
        rows = await tx.many(queries.redrive_runs, run_ids=run_ids, job=job.name, queue=job.queue)
    return [row["run_id"] for row in rows]
