"""How the processes of the API tell each other what they granted: one statement for many callers, in the background."""

import asyncio
import math
from hashlib import blake2b
from time import monotonic

from clarivum.api.rates.limiter import Bucket
from clarivum.api.rates.statements import queries
from clarivum.database import Context, Database
from clarivum.errors import RequestError
from clarivum.telemetry import get_logger

log = get_logger(__name__)

CONTEXT = Context("clarivum_worker", "", 2_000)
MAX_BUCKETS = 500
WAIT_S = 0.25
"""What a request waits for a report at most."""
SILENCE_S = 1.0
"""How long nobody is asked after a report failed."""
FORGET_EVERY_S = 1.0
FORGOTTEN_AT_ONCE = 1_000


class RateReports:
    """One report runs at a time; what becomes due meanwhile goes with the next one. For one event loop."""

    def __init__(self, database: Database) -> None:
        self._session = database.session(CONTEXT)
        self._due: dict[Bucket, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._round: asyncio.Future[None] | None = None
        self._silent_until = math.inf
        self._forget_at = 0.0
        self.statements = 0
        """Reports sent so far."""

    def open(self) -> None:
        """From now on the database can be asked."""
        self._silent_until = 0.0

    def answers(self, now: float) -> bool:
        """Whether waiting for a report is worth it."""
        return now >= self._silent_until

    def add(self, bucket: Bucket) -> None:
        """Report what is unreported of a bucket."""
        self._due[bucket] = None
        if self._task is None and self.answers(monotonic()):
            self._round = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(), name="rate reports")

    async def settled(self) -> None:
        """Wait for the report that runs; nobody is waited for longer than WAIT_S."""
        if self._round is not None and not (await asyncio.wait([self._round], timeout=WAIT_S))[0]:
            self._be_silent("no answer in time")

    async def close(self) -> None:
        """Stop. What is unreported stays so: the others grant a little more."""
        self._silent_until = math.inf
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._due and self.answers(monotonic()):
                await self._report()
                self._end_round(another=True)
        finally:
            self._task = None
            self._end_round(another=False)

    async def _report(self) -> None:
        batch: dict[bytes, Bucket] = {}
        for bucket in [bucket for bucket, _ in zip(self._due, range(MAX_BUCKETS), strict=False)]:
            if batch.setdefault(_key(bucket), bucket) is bucket:  # one that was forgotten and begun anew waits
                del self._due[bucket]
        for bucket in batch.values():
            bucket.reporting, bucket.unreported = bucket.unreported, 0.0
        used_s = [bucket.reporting * bucket.interval_s for bucket in batch.values()]
        try:
            rows = await self._session.many(queries.report_rates, buckets=list(batch), used_s=used_s)
        except RequestError as error:  # dropped: told after a long silence, it would only shut out who is within bounds
            self._be_silent(error.log or error.detail)
            return
        finally:
            for bucket in batch.values():
                bucket.reporting = 0.0
        self.statements += 1
        now = monotonic()
        for row in rows:
            bucket = batch[bytes(row["bucket"])]
            bucket.full_at = max(bucket.full_at, now + row["missing_s"] + bucket.unreported * bucket.interval_s)
        await self._forget(now)

    async def _forget(self, now: float) -> None:
        if now < self._forget_at:
            return
        self._forget_at = now + FORGET_EVERY_S
        try:
            await self._session.execute(queries.forget_full_rates, count=FORGOTTEN_AT_ONCE)
        except RequestError as error:
            log.warning("full rates not forgotten", reason=error.log or error.detail)

    def _be_silent(self, reason: str) -> None:
        now = monotonic()
        if self.answers(now):
            log.warning("rates are this process's own for now", reason=reason)
            self._silent_until = now + SILENCE_S

    def _end_round(self, *, another: bool) -> None:
        if self._round is not None and not self._round.done():
            self._round.set_result(None)
        self._round = asyncio.get_running_loop().create_future() if another else None


def _key(bucket: Bucket) -> bytes:
    name = f"{bucket.route}\0{bucket.caller}".encode("utf-8", "surrogatepass")
    return blake2b(name, digest_size=16).digest()
