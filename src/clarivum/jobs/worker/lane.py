"""One job's way through a worker: look into its queue, claim what is there, start it, and look again."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import monotonic, perf_counter
from typing import Any

from clarivum import telemetry
from clarivum.errors import UNAVAILABLE
from clarivum.jobs.declaration import Job
from clarivum.jobs.instruments import FETCH_DURATION
from clarivum.jobs.ledger import Refusal
from clarivum.jobs.limits import Limits
from clarivum.jobs.message import Message, Request
from clarivum.jobs.transports.interface import FAILURES
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.admission import STALE_S, Admission
from clarivum.jobs.worker.flights import Stop
from clarivum.jobs.worker.places import Places, Work
from clarivum.jobs.worker.settlement import Settlement
from clarivum.jobs.worker.slots import Slots
from clarivum.jobs.worker.unit import Units

log = telemetry.get_logger("clarivum.jobs")

MAX_FETCH = 1_000
AWAY_S = 0.5
"""Between two attempts to reach a database that is away."""
SLOW_LOOK_S = 0.05
ALARM_EVERY_S = 60.0
STALE_PART = 3
"""Work that waited a third of its lease for a place is handed back."""


class Lane:
    """Runs of one job in one process; at most `share` at once."""

    def __init__(
        self, job: Job[Any], bench: Workbench, settlement: Settlement, units: Units, slots: Slots, *, share: int
    ) -> None:
        self.job = job
        self.wake = asyncio.Event()
        self._bench = bench
        self._settlement = settlement
        self._units = units
        self._lease_s = bench.options.lease_s(job)
        stale_s = self._lease_s / STALE_PART
        if job.is_limited:
            stale_s = min(stale_s, STALE_S)
        self.places = Places(
            job.name,
            slots,
            share=share,
            stale_s=stale_s,
            priority=job.priority,
            ahead=not job.is_limited,
            on_ended=self._limited_ended(),
        )
        self.admission: Admission | None = None
        """What all processes together allow; None: as much as there is."""
        if job.is_limited:
            limits = Limits(job, bench.database, lease_s=bench.options.permit_s(job))
            self.admission = Admission(limits, occupied=lambda: self.places.occupied, lose=self._lose_permits)
        self._stopping = asyncio.Event()
        self._quiet_until = 0.0

    async def run(self) -> None:
        """Until `stop`. A queue or database that is away is waited for."""
        hungry, away = True, False
        while not self._stopping.is_set():
            if self._bench.controls.holds(self.job):
                await self._rest()
                continue
            if not hungry and self._bench.transport.wait_s == 0:
                await self._first(self.wake.wait(), self._bench.options.poll_s)
            room = await self.places.room()
            if room == 0:
                return
            self.wake.clear()
            try:
                if self.admission is None:
                    hungry = await self._look(min(room * self.job.batch, MAX_FETCH))
                else:
                    hungry = await self._look_limited(room, self.admission)
                self.places.looked()
                away = False
            except FAILURES as error:
                if not away:
                    level = log.warning if error.code is UNAVAILABLE else log.error
                    level("job queue cannot be read", job=self.job.name, reason=error.log or error.detail)
                hungry, away = True, True
                await self._first(self._stopping.wait(), AWAY_S)

    async def stop(self) -> None:
        """Take on nothing more, and hand back what has not begun."""
        self._stopping.set()
        self.wake.set()
        await self.places.stop()

    async def _rest(self) -> None:
        """Begin nothing while the job is paused; what was fetched ahead goes back."""
        await self.places.hand_back()
        await self._first(self._bench.controls.until_changed(), self._bench.options.control_s)

    # -- looking -----------------------------------------------------------------------------------------------------
    async def _look_limited(self, room: int, admission: Admission) -> bool:
        """Fetch no more than the job's limits allow; wait where they allow nothing."""
        limit = min(await admission.room(room), MAX_FETCH)
        if limit == 0:
            await self._first(self.wake.wait(), admission.wait_s(self._bench.options.poll_s))
            return True
        try:
            return await self._look(limit)
        finally:
            await admission.tidy()

    async def _look(self, limit: int) -> bool:
        """Fetch and start up to `limit` messages. True when there may be more at once."""
        started = perf_counter()
        messages = await self._bench.transport.receive(self.job, limit, self._lease_s)
        if self._bench.transport.wait_s == 0:
            self._note(perf_counter() - started)
        if not messages:
            return False
        fetched = messages
        try:
            if self.admission is not None:
                messages, others, wait_s = await self.admission.pass_on(messages)
                if others:
                    await self._settlement.wait(self.job, [message.id for message in others], wait_s)
            await self._take_on(messages)
        except FAILURES:
            ids = [message.id for message in fetched]
            self._plan(partial(self._settlement.release, self.job, [], ids), ids)
            raise
        return len(fetched) == limit

    def _note(self, took_s: float) -> None:
        """Measure a look; a slow one is an alarm, at most once a minute."""
        FETCH_DURATION.record(took_s, self.job.name)
        if took_s > SLOW_LOOK_S and monotonic() >= self._quiet_until:
            self._quiet_until = monotonic() + ALARM_EVERY_S
            log.warning(
                "job queue is slow to read; an old transaction may keep its dead rows from being vacuumed",
                job=self.job.name,
                took_ms=round(took_s * 1_000),
                look_at="select pid, backend_xmin, xact_start from pg_stat_activity order by age(backend_xmin) desc",
            )

    async def _take_on(self, messages: Sequence[Message]) -> None:
        job = self.job
        requests = [request for message in messages if (request := await self._units.understand(job, message))]
        if self._stopping.is_set():
            await self._settlement.release(job, [], [request.message.id for request in requests])
        elif job.batch > 1:
            for first in range(0, len(requests), job.batch):
                some = requests[first : first + job.batch]
                self._plan(partial(self._units.batch, job, some), [request.message.id for request in some])
        elif requests:
            await self._claim(requests)

    async def _claim(self, requests: Sequence[Request]) -> None:
        job = self.job
        claims, refused = await self._bench.ledger.claim(job, requests, self._lease_s)
        if self._stopping.is_set():
            await self._settlement.release(job, claims, [request.message.id for request in requests])
            return
        now = monotonic()
        for claim in claims:
            hand_back = partial(self._settlement.release, job, [claim], [claim.message.id])
            self.places.put(Work(partial(self._units.claimed, claim), hand_back, now))
        if not refused:
            return
        if suspects := [each.request for each in refused if each.reason is Refusal.LOST]:
            ids = [request.message.id for request in suspects]
            self._plan(partial(self._units.one_by_one, job, suspects), ids)
        await self._units.refused(job, [each for each in refused if each.reason is not Refusal.LOST])

    def _limited_ended(self) -> Callable[[], None] | None:
        """A limited job's next run waits for this one's permit: look at once, or let others have it."""
        if not self.job.is_limited:
            return None

        def ended() -> None:
            assert self.admission is not None
            self.admission.ended()
            self.wake.set()

        return ended

    async def _lose_permits(self, left: int) -> None:
        """Stop all but so many tasks. They are handed back uncounted."""
        await self.places.hand_back()
        for flight in self._bench.flights.of(self.job)[left:]:
            flight.stop(Stop.PERMIT_LOST)

    def _plan(self, begin: Any, message_ids: list[str]) -> None:
        """Work that has no claims yet."""
        self.places.put(Work(begin, partial(self._settlement.release, self.job, [], message_ids), monotonic()))

    async def _first(self, event: Coroutine[Any, Any, Any], timeout_s: float) -> None:
        """Wait for an event, at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await event
        except TimeoutError:
            pass
