"""A job's limits over all workers, in a function: the same permits and tokens, taken for what AWS has delivered.

What may not begin comes back later: for want of a permit a little later each time; for want of a token when it is due,
and a little later than that with each time that it came in vain. A function that runs several messages on one permit
runs them one after the other; its tokens it takes at once, so that over functions the rate may be exceeded by what one
invocation holds: a tenth of its number, or one.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from clarivum import telemetry
from clarivum.database import DatabaseError
from clarivum.jobs.backoff import look_again_s
from clarivum.jobs.declaration import Job
from clarivum.jobs.instruments import OUTCOMES
from clarivum.jobs.limits import Limits
from clarivum.jobs.message import Message
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.settlement import Settlement

log = telemetry.get_logger("clarivum.jobs")

FIRST_WAIT_S = 2
CROWDED_S = 3
"""How much longer than until its token a message is hidden for each time that it came in vain: what waits in a long
queue for one rate is delivered fewer times than SQS allows."""


class LambdaAdmission:
    """Of one invocation."""

    def __init__(self, bench: Workbench, settlement: Settlement) -> None:
        self._bench = bench
        self._settlement = settlement

    @asynccontextmanager
    async def of(
        self, job: Job[Any], messages: Sequence[Message], *, at_once: int, lease_s: float
    ) -> AsyncIterator[tuple[Sequence[Message], int]]:
        """The messages that may begin, and how many of them at once; `at_once` at most. Raises DatabaseError."""
        if not job.is_limited:
            yield messages, at_once
            return
        limits = Limits(job, self._bench.database, lease_s=lease_s)
        permits: set[int] = set()
        if job.limit is not None:
            permits = await limits.take_permits(min(at_once, len(messages)))
            at_once = len(permits)
        try:
            if at_once == 0:
                await self._without_permit(job, messages)
                messages = ()
            elif job.rate is not None:
                messages = await self._with_tokens(limits, messages)
            yield messages, at_once
        finally:
            if permits:
                await self._give_back(limits, permits)

    async def _with_tokens(self, limits: Limits, messages: Sequence[Message]) -> Sequence[Message]:
        job = limits.job
        assert job.rate is not None
        tokens, wait_s = await limits.take_tokens(len(messages))
        for position, message in enumerate(messages[tokens:]):
            crowded_s = look_again_s(CROWDED_S, message.receives - 1) if message.receives > 1 else 0
            await self._settlement.wait(job, [message.id], wait_s + position * job.rate.spacing_s + crowded_s)
        self._note(job, len(messages) - tokens, "its rate is used up")
        return messages[:tokens]

    async def _without_permit(self, job: Job[Any], messages: Sequence[Message]) -> None:
        await self._settlement.look_again(job, messages, FIRST_WAIT_S)
        self._note(job, len(messages), "as many runs go on as may")

    def _note(self, job: Job[Any], messages: int, why: str) -> None:
        if messages:
            OUTCOMES.add(messages, job.name, "released")
            log.info("job is limited, messages handed back", job=job.name, messages=messages, why=why)

    async def _give_back(self, limits: Limits, permits: set[int]) -> None:
        try:
            await limits.give_back(permits, wake=True)
        except DatabaseError as error:
            log.warning("permits run out by themselves", job=limits.job.name, reason=error.log or error.detail)
