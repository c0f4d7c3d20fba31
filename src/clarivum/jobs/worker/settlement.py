"""What becomes of a message whose handler did not finish: tried again, given up, left alone, or handed back.

These short transactions are repeated while the database is away, until the lease is over; whatever was not settled by
then is found by the next worker, because a lease that ends is itself an outcome.
"""

import asyncio
import math
import random as randomness
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from clarivum import telemetry
from clarivum.database import WORKER, DatabaseError, Transaction
from clarivum.errors import UNAVAILABLE
from clarivum.jobs.backoff import look_again_s
from clarivum.jobs.declaration import Job
from clarivum.jobs.failure import Failure, failure_of
from clarivum.jobs.instruments import OUTCOMES
from clarivum.jobs.ledger import Claim, Refused, add_dead_letter
from clarivum.jobs.message import Message
from clarivum.jobs.payload import PayloadError
from clarivum.jobs.workbench import Workbench

log = telemetry.get_logger("clarivum.jobs")

REPEAT_FIRST_S, REPEAT_LAST_S = 0.05, 1.0
MOST_CUTS = 5
"""How many attempts of a run may be cut off from the database uncounted: one that breaks its own connection every time
is a dead letter in the end."""
DEFER_S = 60
"""How long a message that is too new for this worker stays hidden at first."""


class Settlement:
    """`random` draws the jitter of the backoff."""

    def __init__(self, bench: Workbench, *, random: Callable[[], float] = randomness.random) -> None:
        self._bench = bench
        self._session = bench.database.session(WORKER)
        self._random = random

    async def fail(self, claim: Claim, failure: Failure) -> None:
        """Schedule another attempt, or bury the run after its last one or a terminal error."""
        if failure.is_cut and await self._forgive(claim, failure):
            return
        job, last = claim.job, failure.is_terminal or claim.attempt >= claim.job.attempts
        delay_s = self._bench.options.backoff.delay_s(claim.attempt, self._random)

        async def settle(tx: Transaction) -> bool:
            if last:
                ours = await self._bench.ledger.bury(tx, claim, failure)
                if ours:
                    self._bench.transport.acknowledge_with(tx, job, [claim.message.id])
            else:
                ours = await self._bench.ledger.retry(tx, claim, failure, delay_s)
                if ours:
                    self._bench.transport.postpone_with(tx, job, [claim.message.id], delay_s)
            return ours

        ours = await self._persist(job, settle)
        outcome = ("dead" if last else "retry") if ours else "lost"
        OUTCOMES.add(1, job.name, outcome)
        fields = {"job": job.name, "run_id": str(claim.run_id), "attempt": claim.attempt, "error": failure.error}
        if not ours:
            log.warning("job attempt outlived its lease", **fields)
        elif last:
            log.error("job gave up", **fields, reason=failure.message)
        else:
            log.warning("job failed", **fields, reason=failure.message, retry_in_s=delay_s)

    async def _forgive(self, claim: Claim, failure: Failure) -> bool:
        """Try again, uncounted, what was cut off from the database. False: it was so too often, or is not ours."""
        job = claim.job
        delay_s = self._bench.options.backoff.delay_s(claim.attempt, self._random)

        async def settle(tx: Transaction) -> bool:
            forgiven = await self._bench.ledger.forgive(tx, claim, failure, delay_s, most=MOST_CUTS)
            if forgiven:
                self._bench.transport.postpone_with(tx, job, [claim.message.id], delay_s)
            return forgiven

        if not await self._persist(job, settle):
            return False
        OUTCOMES.add(1, job.name, "released")
        fields = {"job": job.name, "run_id": str(claim.run_id), "attempt": claim.attempt, "reason": failure.message}
        log.warning("job was cut off from the database, the attempt does not count", **fields, retry_in_s=delay_s)
        return True

    async def reject(self, job: Job[Any], message: Message, error: PayloadError) -> None:
        """A message that can never be understood: a dead letter at once."""
        failure = failure_of(error)

        async def settle(tx: Transaction) -> bool:
            add_dead_letter(tx, job, message, failure, run_id=uuid4(), key=None, attempts=0)
            self._bench.transport.acknowledge_with(tx, job, [message.id])
            return True

        await self._persist(job, settle)
        OUTCOMES.add(1, job.name, "invalid")
        log.error("job message is unreadable", job=job.name, message_id=message.id, reason=failure.message)

    async def defer(self, job: Job[Any], message: Message, reason: str) -> None:
        """Leave a message for a newer worker."""
        await self.look_again(job, [message], DEFER_S)
        OUTCOMES.add(1, job.name, "deferred")
        log.warning("job message left for a newer worker", job=job.name, message_id=message.id, reason=reason)

    async def replay(self, job: Job[Any], refused: Sequence[Refused]) -> None:
        """Duplicates: counted at their run, and acknowledged."""

        async def settle(tx: Transaction) -> bool:
            self._bench.ledger.count_replays(tx, [each.request.run_id for each in refused])
            self._bench.transport.acknowledge_with(tx, job, [each.request.message.id for each in refused])
            return True

        await self._persist(job, settle)
        OUTCOMES.add(len(refused), job.name, "replay")
        log.info("job messages were replays", job=job.name, messages=len(refused))

    async def wait(self, job: Job[Any], message_ids: Sequence[str], wait_s: float) -> None:
        """Look again later."""
        await self._postpone(job, message_ids, max(1, math.ceil(wait_s)))

    async def look_again(self, job: Job[Any], messages: Sequence[Message], first_s: int) -> None:
        """Look again at messages that may not begin yet, each time a little later."""
        by_delay: dict[int, list[str]] = {}
        for message in messages:
            by_delay.setdefault(look_again_s(first_s, message.receives), []).append(message.id)
        for delay_s, message_ids in by_delay.items():
            await self._postpone(job, message_ids, delay_s)

    async def release(self, job: Job[Any], claims: Sequence[Claim], message_ids: Sequence[str]) -> None:
        """Hand back, uncounted, what was fetched or claimed and not carried out: another worker may have it at once."""

        async def settle(tx: Transaction) -> bool:
            if claims:
                await self._bench.ledger.release(tx, claims)
            self._bench.transport.postpone_with(tx, job, message_ids, 0)
            return True

        await self._persist(job, settle)
        OUTCOMES.add(len(message_ids), job.name, "released")

    async def _postpone(self, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        async def settle(tx: Transaction) -> bool:
            self._bench.transport.postpone_with(tx, job, message_ids, delay_s)
            return True

        await self._persist(job, settle)

    async def _persist(self, job: Job[Any], settle: Callable[[Transaction], Awaitable[bool]]) -> bool:
        """Run a transaction, again while the database is away. False when it was not ours, or time ran out."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._bench.options.lease_s(job)
        pause_s = REPEAT_FIRST_S
        while True:
            try:
                async with self._session.transaction() as tx:
                    return await settle(tx)
            except DatabaseError as error:
                if error.code is not UNAVAILABLE or loop.time() + pause_s > give_up_at:
                    reason = error.log or error.detail
                    break
            await asyncio.sleep(pause_s * (0.5 + self._random() / 2))
            pause_s = min(pause_s * 2, REPEAT_LAST_S)
        log.error("job could not be settled", job=job.name, reason=reason)
        return False
