"""Sending dead letters again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from clarivum.database import WORKER, Database
from clarivum.jobs.declaration import Job
from clarivum.jobs.statements import queries
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.pgmq import PgmqTransport


async def redrive(
    database: Database, job: Job[Any], run_ids: Sequence[UUID], transport: Transport | None = None
) -> list[UUID]:
    """Send dead letters of a job again, all attempts ahead of them; returns those that were still there.

    A letter leaves the dead letters in the transaction that enqueues it: a second redrive finds nothing to do.
    """
    transport = transport or PgmqTransport()
    async with database.session(WORKER).transaction() as tx:
        letters = await tx.many(queries.take_dead_letters, run_ids=run_ids, job=job.name)
        for letter in letters:
            transport.send(tx, job, letter["payload"].encode(), _headers(letter["headers"]), 0)
        redriven = [letter["run_id"] for letter in letters]
        if redriven:
            tx.defer(queries.reset_runs, run_ids=redriven)
    return redriven


def _headers(kept: str) -> dict[str, str]:
    return {name: value for name, value in orjson.loads(kept).items() if isinstance(value, str)}
