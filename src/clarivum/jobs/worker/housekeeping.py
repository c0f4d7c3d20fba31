"""What a worker does beside running jobs: extend leases, forget what is old, measure queues."""

import asyncio
from collections.abc import Sequence
from typing import Any

from clarivum import telemetry
from clarivum.database import WORKER, Database
from clarivum.jobs.declaration import Job
from clarivum.jobs.instruments import DEAD_LETTERS, QUEUE_AGE, QUEUE_DEPTH
from clarivum.jobs.ledger import Claim
from clarivum.jobs.statements import queries
from clarivum.jobs.transports.interface import FAILURES, Transport
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.flights import Stop

log = telemetry.get_logger("clarivum.jobs")

BEATS_PER_LEASE = 3
MEASURE_S = 15.0
FORGET_S = 600.0
FORGET_AT_ONCE = 1_000


class Heartbeat:
    """Keeps the leases of what is in progress fresh. A run whose lease is gone is cancelled: its commit would fail."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    async def run(self, jobs: Sequence[Job[Any]]) -> None:
        """Until cancelled. Each job by itself: a queue that does not answer costs no other job its leases."""
        await asyncio.gather(*(self._keep(job) for job in jobs))

    async def _keep(self, job: Job[Any]) -> None:
        """A beat every third of the lease, and none that takes longer: its own queue costs a job no lease either."""
        loop = asyncio.get_running_loop()
        interval_s = self._bench.options.lease_s(job) / BEATS_PER_LEASE
        beat_at = loop.time()
        while True:
            beat_at = max(beat_at + interval_s, loop.time())
            await asyncio.sleep(beat_at - loop.time())
            try:
                async with asyncio.timeout(interval_s):
                    await self._beat(job)
            except FAILURES as error:
                log.warning("leases could not be extended", job=job.name, reason=error.log or error.detail)
            except TimeoutError:
                log.warning("leases could not be extended", job=job.name, reason=f"no answer for {interval_s:g} s")

    async def _beat(self, job: Job[Any]) -> None:
        now, lease_s = asyncio.get_running_loop().time(), self._bench.options.lease_s(job)
        due = [
            flight
            for flight in self._bench.flights
            if flight.job is job and now - flight.extended_at >= lease_s / BEATS_PER_LEASE * 0.9
        ]
        if not due:
            return
        # The lease first: with it, a message that comes again because the queue is away has to wait.
        await self._extend([flight.claim for flight in due if flight.claim is not None], lease_s)
        await self._bench.transport.postpone(job, [each for flight in due for each in flight.message_ids], lease_s)
        for flight in due:
            flight.extended_at = now

    async def _extend(self, claims: Sequence[Claim], lease_s: int) -> None:
        if not claims:
            return
        missing = {claim.run_id for claim in claims} - await self._bench.ledger.extend(claims, lease_s)
        # One that finished in this very moment is missing too, and is no loss.
        for flight in self._bench.flights.holding(await self._bench.ledger.still_open(missing) if missing else set()):
            flight.stop(Stop.LEASE_LOST)


class Housekeeping:
    """Measures the queues for the gauges, and forgets what is past its declared time."""

    def __init__(self, jobs: Sequence[Job[Any]], database: Database, transport: Transport) -> None:
        self._jobs = jobs
        self._session = database.session(WORKER)
        self._transport = transport

    async def measure(self) -> None:
        """Set the gauges of dead letters, depth and age. Raises what the first queue that does not answer says, when
        all were asked."""
        dead = {row["job"]: row["letters"] for row in await self._session.many(queries.count_dead_letters)}
        failure: Exception | None = None
        for job in self._jobs:
            DEAD_LETTERS.set(dead.get(job.name, 0), job.name)
            try:
                status = await self._transport.status(job)
            except FAILURES as error:
                failure = failure or error
                continue
            QUEUE_DEPTH.set(status.depth, job.name)
            QUEUE_AGE.set(status.oldest_age_s or 0.0, job.name)
        if failure is not None:
            raise failure

    async def forget(self) -> int:
        """Remove what is past its declared time: finished runs, results, answers, dead letters; returns how many."""
        forgotten = 0
        for job in self._jobs:
            for query, days in (
                (queries.forget_finished, {"retention_days": job.retention_days}),
                (queries.forget_results, {}),
                (queries.forget_answers, {"retention_days": job.retention_days}),
                (queries.forget_dead, {"errors_days": job.errors_days}),
            ):
                removed = FORGET_AT_ONCE
                while removed == FORGET_AT_ONCE:
                    removed = await self._session.execute(query, job=job.name, limit=FORGET_AT_ONCE, **days)
                    forgotten += removed
        return forgotten

    async def run(self) -> None:
        """Both, at their intervals, until cancelled; a queue that is away keeps nothing from being forgotten."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while True:
            try:
                await self.measure()
            except FAILURES as error:
                log.warning("job queues could not be measured", reason=error.log or error.detail)
            if loop.time() >= forget_at:
                try:
                    await self.forget()
                    forget_at = loop.time() + FORGET_S
                except FAILURES as error:
                    log.warning("what is past its time could not be forgotten", reason=error.log or error.detail)
            await asyncio.sleep(MEASURE_S)
