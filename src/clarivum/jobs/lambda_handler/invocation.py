"""One invocation: what begins, what is handed back, and when to stop.

A run begins only when its whole time limit fits before the deadline; whatever has not begun by then is handed back,
uncounted and visible at once. What still goes on shortly before the deadline is stopped and handed back too.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clarivum import telemetry
from clarivum.database import DatabaseError
from clarivum.jobs.declaration import Job
from clarivum.jobs.instruments import OUTCOMES
from clarivum.jobs.lambda_handler.admission import LambdaAdmission
from clarivum.jobs.ledger import Claim, Refusal
from clarivum.jobs.message import Message, Request
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.flights import Stop
from clarivum.jobs.worker.settlement import DEFER_S, Settlement
from clarivum.jobs.worker.unit import Units

log = telemetry.get_logger("clarivum.jobs")

BEGIN_RESERVE_S = 4.0
"""What must be left beside a run's own time limit when it begins: to be interrupted if it blocks (1 s), to be settled,
and for what comes after the last run."""
STOP_RESERVE_S = 2.0
"""What must be left when the last run is stopped: to hand back, to set visibilities, to flush telemetry."""
HAND_BACK_S = 0.75
PAUSED_FIRST_S = 15
"""How long a paused job's messages are hidden at first. A mapping delivers whatever is visible."""


class Invocation:
    """`remaining_s`: until Lambda ends the process; asked again whenever it matters."""

    def __init__(
        self,
        bench: Workbench,
        settlement: Settlement,
        units: Units,
        remaining_s: Callable[[], float],
    ) -> None:
        self._bench = bench
        self._settlement = settlement
        self._units = units
        self._admission = LambdaAdmission(bench, settlement)
        self._remaining_s = remaining_s
        self._given_s = remaining_s()

    async def run(self, work: Mapping[Job[Any], Sequence[Message]]) -> None:
        """Return when every message is settled or handed back, at the latest STOP_RESERVE_S less HAND_BACK_S before
        the deadline. Never raises; what could not be settled is open in the deliveries."""
        tasks = [asyncio.create_task(self._job(job, messages), name=job.name) for job, messages in work.items()]
        _, late = await asyncio.wait(tasks, timeout=max(0.0, self._remaining_s() - STOP_RESERVE_S))
        if late:
            self._bench.flights.stop_all(Stop.DRAINING)
            _, stuck = await asyncio.wait(late, timeout=HAND_BACK_S)
            log.warning("invocation stopped before its deadline", unfinished=len(late), stuck=len(stuck))
            for task in stuck:
                task.cancel()
        for task, outcome in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
            if isinstance(outcome, Exception):
                log.error("job task failed", job=task.get_name(), exc_info=outcome)
        await self._bench.receipts.close()

    async def _job(self, job: Job[Any], messages: Sequence[Message]) -> None:
        if self._bench.controls.holds(job):
            await self._hold(job, messages)
        elif self._given_s < job.timeout_s + BEGIN_RESERVE_S:
            log.error(
                "the function's time limit is too short for the job",
                job=job.name,
                function_s=round(self._given_s, 1),
                needed_s=job.timeout_s + BEGIN_RESERVE_S,
            )
            await self._settlement.look_again(job, messages, DEFER_S)
        else:
            try:
                await self._begin(job, messages)
            except DatabaseError as error:
                log.warning("jobs could not be begun", job=job.name, reason=error.log or error.detail)

    async def _begin(self, job: Job[Any], messages: Sequence[Message]) -> None:
        """Run what the job's limits over all workers allow now."""
        share = 1 if job.batch > 1 else self._bench.options.share(job, 1)
        lease_s = self._lease_s(job)
        async with self._admission.of(job, messages, at_once=share, lease_s=lease_s) as (admitted, at_once):
            requests = [read for message in admitted if (read := await self._units.understand(job, message))]
            if requests and job.batch > 1:
                await self._together(job, requests)
            elif requests:
                await self._each(job, requests, at_once)

    async def _hold(self, job: Job[Any], messages: Sequence[Message]) -> None:
        await self._settlement.look_again(job, messages, PAUSED_FIRST_S)
        OUTCOMES.add(len(messages), job.name, "released")
        log.info("job is paused, messages handed back", job=job.name, messages=len(messages))

    async def _together(self, job: Job[Any], requests: Sequence[Request]) -> None:
        """The batch mode: a task of its own, so that it can be stopped. Stopped, each run is alone the next time."""
        for first in range(0, len(requests), job.batch):
            some = requests[first : first + job.batch]
            if self._fits(job):
                await asyncio.gather(self._units.batch(job, some))
            else:
                await self._settlement.release(job, [], [request.message.id for request in some])

    async def _each(self, job: Job[Any], requests: Sequence[Request], at_once: int) -> None:
        """Claim all at once, run so many at a time."""
        claims, refused = await self._bench.ledger.claim(job, requests, self._lease_s(job))
        suspects = [each.request for each in refused if each.reason is Refusal.LOST]
        others = [each for each in refused if each.reason is not Refusal.LOST]
        places = asyncio.Semaphore(at_once)
        unbegun: list[Claim] = []

        async def claimed(claim: Claim) -> None:
            async with places:
                if self._fits(job):
                    await self._units.claimed(claim)
                else:
                    unbegun.append(claim)

        await asyncio.gather(
            self._units.refused(job, others),
            self._one_by_one(job, suspects, places),
            *(claimed(claim) for claim in claims),
        )
        if unbegun:
            await self._settlement.release(job, unbegun, [claim.message.id for claim in unbegun])

    async def _one_by_one(self, job: Job[Any], suspects: Sequence[Request], places: asyncio.Semaphore) -> None:
        """Runs whose process disappeared: each is claimed only when its turn comes."""
        for request in suspects:
            async with places:
                if self._fits(job):
                    await self._units.one_by_one(job, [request])
                else:
                    await self._settlement.release(job, [], [request.message.id])

    def _fits(self, job: Job[Any]) -> bool:
        return self._remaining_s() >= job.timeout_s + BEGIN_RESERVE_S

    def _lease_s(self, job: Job[Any]) -> int:
        """Nothing extends a lease here: it holds for as long as the process may live."""
        given_s = self._bench.options.visibility_s
        return given_s or max(job.visibility_s, math.ceil(self._remaining_s()) + 1)
