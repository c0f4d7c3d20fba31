"""Schedules: each tick enqueues its job once, however many processes watch the clock.

The row of clarivum.schedules is locked while a tick is enqueued, and the tick is the idempotency key: the first keeps
processes from enqueuing a tick twice, the second would make a second message a replay.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clarivum import telemetry
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database import WORKER, Database, DatabaseError
from clarivum.jobs.declaration import Job
from clarivum.jobs.outbox import JobOutbox
from clarivum.jobs.statements import queries

log = telemetry.get_logger("clarivum.jobs")

LOOK_AGAIN_S = 30.0
"""The longest sleep: a clock that was set, or a laptop that slept, is noticed within this."""
AWAY_S = 1.0


class Scheduler:
    """The schedules of an application's jobs in one process. Ticks are judged by the database's clock."""

    def __init__(
        self, jobs: Sequence[Job[Any]], database: Database, outbox: JobOutbox, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._jobs = [job for job in jobs if job.schedule is not None]
        self._session = database.session(WORKER)
        self._outbox = outbox
        self._clock = clock
        self._ahead_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        known: set[str] = set()
        while self._jobs:
            try:
                for job in self._jobs:
                    if job.name not in known:
                        await self._session.execute(queries.add_schedule, job=job.name)
                        known.add(job.name)
                    await self.tick(job)
            except DatabaseError as error:
                log.warning("schedules wait for the database", reason=error.log or error.detail)
                await asyncio.sleep(AWAY_S)
            else:
                await asyncio.sleep(self._until_next_s())

    async def tick(self, job: Job[Any]) -> datetime | None:
        """Enqueue the job if a tick is due that nobody dealt with; returns the tick."""
        assert job.schedule is not None
        async with self._session.transaction() as tx:
            row = await tx.maybe(queries.lock_schedule, job=job.name)
            if row is None:
                return None  # another process is at it
            self._ahead_s = (self._clock.now() - row["now"]).total_seconds()
            latest = job.schedule.latest_tick(row["now"])
            if latest <= row["last_tick"]:
                return None
            due = job.schedule.due(row["last_tick"], row["now"])
            tx.defer(queries.note_tick, job=job.name, tick=latest)
            if due is not None:
                self._outbox.put(tx, job.payload(**{job.key: due}))
        if due is None:
            log.warning("job ticks were missed and skipped", job=job.name, latest=latest.isoformat())
        else:
            log.info("job scheduled", job=job.name, tick=due.isoformat())
        return due

    def _until_next_s(self) -> float:
        """Seconds until the next tick by the database's clock."""
        now = self._clock.now()
        nearest = min(
            (job.schedule.next_tick(now) - now).total_seconds() for job in self._jobs if job.schedule is not None
        )
        return min(LOOK_AGAIN_S, max(0.0, nearest + self._ahead_s) + 0.001)
