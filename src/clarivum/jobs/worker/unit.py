"""What one task of a worker carries out: one claimed run, a batch, or a row of requests one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from clarivum import telemetry
from clarivum.database import DatabaseError
from clarivum.jobs.declaration import Job
from clarivum.jobs.instruments import OUTCOMES
from clarivum.jobs.ledger import Claim, Refusal, Refused
from clarivum.jobs.message import Message, NewerVersionError, Request, read
from clarivum.jobs.payload import PayloadError
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.execution import Executor
from clarivum.jobs.worker.flights import Flight, Stop
from clarivum.jobs.worker.settlement import Settlement

log = telemetry.get_logger("clarivum.jobs")

SUSPECT_AGAIN_S = 5
"""How long a lost run waits at first while this process is busy with another one."""


class Units:
    """Each method but `understand` is the body of a task. None raises: what it could not settle it hands back."""

    def __init__(self, bench: Workbench, executor: Executor, settlement: Settlement) -> None:
        self._bench = bench
        self._executor = executor
        self._settlement = settlement
        self._quarantine = asyncio.Lock()

    async def understand(self, job: Job[Any], message: Message) -> Request | None:
        """What the message asks for. None: it was settled, as one that is unreadable or for a newer worker."""
        try:
            return read(job, message)
        except NewerVersionError as error:
            await self._settlement.defer(job, message, str(error))
        except PayloadError as error:
            await self._settlement.reject(job, message, error)
        return None

    async def claimed(self, claim: Claim) -> None:
        """One run that is ours."""

        async def work(flight: Flight) -> None:
            await self._executor.attempt(claim)

        await self._fly(claim.job, [claim.message.id], work, claim)

    async def batch(self, job: Job[Any], requests: Sequence[Request]) -> None:
        """Those delivered for the first time in one transaction; the others, and what that left over, one by one."""
        fresh = [request for request in requests if request.message.is_first_delivery]
        again = [request for request in requests if not request.message.is_first_delivery]

        async def work(flight: Flight) -> None:
            rest = await self._executor.batch(job, fresh) if fresh else []
            flight.message_ids[:] = [request.message.id for request in (*rest, *again)]
            for request in (*rest, *again):
                await self._one(flight, request)

        await self._fly(job, [request.message.id for request in requests], work)

    async def one_by_one(self, job: Job[Any], requests: Sequence[Request]) -> None:
        """A row of requests, each claimed only when its turn comes."""

        async def work(flight: Flight) -> None:
            for request in requests:
                await self._one(flight, request)

        await self._fly(job, [request.message.id for request in requests], work)

    async def refused(self, job: Job[Any], refused: Sequence[Refused]) -> None:
        """Replays are counted and acknowledged; the rest is looked at again when its time has come."""
        if replays := [each for each in refused if each.reason is Refusal.REPLAY]:
            await self._settlement.replay(job, replays)
        for each in refused:
            if each.reason is not Refusal.REPLAY:
                await self._settlement.wait(job, [each.request.message.id], each.wait_s)

    async def _one(self, flight: Flight, request: Request) -> None:
        if flight.stopped is not None:
            raise asyncio.CancelledError  # a handler kept the cancellation to itself: what is left is not begun
        job, lease_s = flight.job, self._bench.options.lease_s(flight.job)
        claims, refused = await self._bench.ledger.claim(job, [request], lease_s)
        if not (refused and refused[0].reason is Refusal.LOST):
            await self._finish(flight, claims, refused)
        elif self._quarantine.locked():
            await self._settlement.look_again(job, [request.message], SUSPECT_AGAIN_S)
        else:
            # Its process disappeared, and it may be the reason: one such run at a time in this process, so that the
            # guilty one takes no other suspect's attempt along.
            async with self._quarantine:
                await self._finish(flight, *await self._bench.ledger.claim(job, [request], lease_s, recover=True))
        flight.settled(request.message.id)

    async def _finish(self, flight: Flight, claims: Sequence[Claim], refused: Sequence[Refused]) -> None:
        for claim in claims:
            flight.claim = claim
            await self._executor.attempt(claim)
        await self.refused(flight.job, refused)

    async def _fly(
        self,
        job: Job[Any],
        message_ids: list[str],
        work: Callable[[Flight], Awaitable[None]],
        claim: Claim | None = None,
    ) -> None:
        with self._bench.flights.underway(job, message_ids, claim) as flight:
            try:
                await work(flight)
            except asyncio.CancelledError:
                flight.task.uncancel()
                if flight.stopped in {Stop.LEASE_LOST, Stop.CANCELLED}:
                    self._give_up(flight)
                await self._hand_back(flight)
            except DatabaseError as error:
                log.warning("job could not be run", job=job.name, reason=error.log or error.detail)
                await self._hand_back(flight)

    def _give_up(self, flight: Flight) -> None:
        """Let go of the claimed run, which is not ours any more, and of its message alone: who took over the lease has
        it, and a cancelled run's is done with. The flight's other messages are ours still."""
        job, claim = flight.job, flight.claim
        if claim is None:
            return
        flight.settled(claim.message.id)
        if flight.stopped is Stop.LEASE_LOST:
            OUTCOMES.add(1, job.name, "lost")
            log.warning("job attempt cancelled, its lease was lost", job=job.name)
        else:
            OUTCOMES.add(1, job.name, "cancelled")
            log.info("job attempt cancelled by an operator", job=job.name)
            self._bench.receipts.add(job, claim.message.id)

    async def _hand_back(self, flight: Flight) -> None:
        """Release, uncounted, the claim and the messages that are not settled."""
        if flight.message_ids:
            claims = [] if flight.claim is None else [flight.claim]
            await self._settlement.release(flight.job, claims, flight.message_ids)
