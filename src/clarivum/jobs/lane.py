"""One job's way through a worker: look into its queue, claim what is there, start it, and look again."""

import asyncio
from collections.abc import Coroutine, Sequence
from time import perf_counter
from typing import Any

from clarivum import telemetry
from clarivum.database import DatabaseError
from clarivum.errors import UNAVAILABLE
from clarivum.jobs.declaration import Job
from clarivum.jobs.instruments import FETCH_DURATION
from clarivum.jobs.ledger import Refusal
from clarivum.jobs.message import Message, NewerVersionError, Request, read
from clarivum.jobs.payload import PayloadError
from clarivum.jobs.settlement import Settlement
from clarivum.jobs.slots import Slots
from clarivum.jobs.unit import Units
from clarivum.jobs.workbench import Workbench

log = telemetry.get_logger("clarivum.jobs")

GATHER_S = 0.003
"""A busy lane waits this long for more of its places, so that one look serves several."""
MAX_FETCH = 1_000
AWAY_S = 0.5
"""Between two attempts to reach a database that is away."""


class Lane:
    """Runs of one job in one process; at most `share` at once."""

    def __init__(
        self, job: Job[Any], bench: Workbench, settlement: Settlement, units: Units, slots: Slots, *, share: int
    ) -> None:
        self.job = job
        self.wake = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self._share = share
        self._slots = slots
        self._bench = bench
        self._settlement = settlement
        self._units = units
        self._lease_s = bench.options.lease_s(job)
        self._reserved = 0
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`. A database that is away is waited for."""
        hungry = True
        while True:
            if not hungry:
                await self._first(self.wake.wait(), self._bench.options.poll_s)
            await self._room()
            if self._stopping.is_set():
                return
            self.wake.clear()
            try:
                hungry = await self._look()
            except DatabaseError as error:
                hungry = True
                level = log.warning if error.code is UNAVAILABLE else log.error
                level("job queue cannot be read", job=self.job.name, reason=error.log or error.detail)
                await self._first(self._stopping.wait(), AWAY_S)
            finally:
                self._slots.give_back(self._reserved)
                self._reserved = 0

    def stop(self) -> None:
        """Take on nothing more."""
        self._stopping.set()
        self.wake.set()

    # -- looking -----------------------------------------------------------------------------------------------------
    async def _room(self) -> None:
        """Reserve the places that are free for this job, waiting for the first."""
        gathered = False
        while not self._stopping.is_set():
            room = min(self._slots.free, self._share - len(self.tasks))
            if room > 0 and (gathered or not self.tasks or 2 * room >= self._share):
                self._reserved = room
                self._slots.take(room)
                return
            if room > 0:
                gathered = True
                await asyncio.sleep(GATHER_S)
            else:
                await self._first(self._slots.changed(), self._bench.options.poll_s)

    async def _look(self) -> bool:
        """Fetch and start as much as there is room for. True when there may be more at once."""
        limit = min(self._reserved * self.job.batch, MAX_FETCH)
        started = perf_counter()
        messages = await self._bench.transport.receive(self.job, limit, self._lease_s)
        FETCH_DURATION.record(perf_counter() - started, self.job.name)
        if not messages:
            return False
        try:
            await self._take_on(messages)
        except DatabaseError:
            self._start(self._settlement.release(self.job, [], [message.id for message in messages]))
            raise
        return len(messages) == limit

    async def _take_on(self, messages: Sequence[Message]) -> None:
        job = self.job
        if self._stopping.is_set():
            await self._settlement.release(job, [], [message.id for message in messages])
            return
        requests = [request for message in messages if (request := await self._understand(message))]
        if job.batch > 1:
            for first in range(0, len(requests), job.batch):
                self._start(self._units.batch(job, requests[first : first + job.batch]))
        elif requests:
            await self._claim(requests)

    async def _claim(self, requests: Sequence[Request]) -> None:
        claims, refused = await self._bench.ledger.claim(self.job, requests, self._lease_s)
        for claim in claims:
            self._start(self._units.claimed(claim))
        if not refused:
            return
        if suspects := [each.request for each in refused if each.reason is Refusal.LOST]:
            self._start(self._units.one_by_one(self.job, suspects))
        await self._units.refused(self.job, [each for each in refused if each.reason is not Refusal.LOST])

    async def _understand(self, message: Message) -> Request | None:
        try:
            return read(self.job, message)
        except NewerVersionError as error:
            await self._settlement.defer(self.job, message, str(error))
        except PayloadError as error:
            await self._settlement.reject(self.job, message, error)
        return None

    # -- tasks -------------------------------------------------------------------------------------------------------
    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """A task in one of the reserved places; it gives the place back when it ends."""
        self._reserved -= 1
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        self._slots.give_back()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job task failed", job=self.job.name, exc_info=error)

    async def _first(self, event: Coroutine[Any, Any, Any], timeout_s: float) -> None:
        """Wait for an event, at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await event
        except TimeoutError:
            pass
