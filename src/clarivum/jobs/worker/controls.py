"""What operators ask of a worker while it runs: jobs it may not begin, runs it is to stop."""

import asyncio
from typing import Any

from clarivum import telemetry
from clarivum.database import WORKER, Database, DatabaseError
from clarivum.jobs.declaration import Job
from clarivum.jobs.statements import queries
from clarivum.jobs.worker.flights import Flights, Stop

log = telemetry.get_logger("clarivum.jobs")


class Controls:
    """Looks every `look_s` seconds. While the database is away, what was known last goes on."""

    def __init__(self, database: Database, flights: Flights, *, look_s: float) -> None:
        self._session = database.session(WORKER)
        self._flights = flights
        self._look_s = look_s
        self._paused: frozenset[str] = frozenset()
        self._went_on = asyncio.Event()

    def holds(self, job: Job[Any]) -> bool:
        """Whether the job is paused."""
        return job.name in self._paused

    async def until_changed(self) -> None:
        """Wait until a pause begins or ends."""
        await self._went_on.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._look_s)
            try:
                await self.look()
            except DatabaseError as error:
                log.warning("job controls could not be read", reason=error.log or error.detail)

    async def look(self) -> None:
        """Take notice of pauses, and stop runs that were cancelled. Raises DatabaseError."""
        paused = frozenset(row["job"] for row in await self._session.many(queries.paused_jobs))
        for name in paused ^ self._paused:
            log.info("job paused" if name in paused else "job goes on", job=name)
        if paused != self._paused:
            self._paused = paused
            self._went_on.set()
            self._went_on = asyncio.Event()
        held = {flight.claim.run_id for flight in self._flights if flight.claim is not None}
        if held:
            cancelled = await self._session.many(queries.cancelled_among, run_ids=list(held))
            for flight in self._flights.holding({row["run_id"] for row in cancelled}):
                flight.stop(Stop.CANCELLED)
