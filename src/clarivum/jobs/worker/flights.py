"""What this process has taken on and not settled: what the heartbeat extends, and what a shutdown hands back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from clarivum.jobs.declaration import Job
from clarivum.jobs.ledger import Claim


class Stop(StrEnum):
    """Why a task is cancelled from outside."""

    DRAINING = "draining"
    LEASE_LOST = "lease lost"
    PERMIT_LOST = "permit lost"
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False)
class Flight:
    """One task's messages that are not acknowledged yet, and the claim it is working on, if any (a batch has none)."""

    job: Job[Any]
    message_ids: list[str]
    claim: Claim | None
    task: "asyncio.Task[Any]"
    extended_at: float
    """On the event loop's clock: when visibility and lease were last fresh."""
    stopped: Stop | None = None

    def stop(self, why: Stop) -> None:
        """Cancel the task, once."""
        if self.stopped is None:
            self.stopped = why
            self.task.cancel()

    def settled(self, message_id: str) -> None:
        """Nothing is left to do for this message, nor for its claim."""
        self.claim = None
        if message_id in self.message_ids:
            self.message_ids.remove(message_id)


@dataclass(slots=True)
class Flights:
    """All of a process."""

    _flights: set[Flight] = field(default_factory=set)

    @contextmanager
    def underway(self, job: Job[Any], message_ids: list[str], claim: Claim | None = None) -> Iterator[Flight]:
        """Keep the current task's messages alive while the block runs."""
        task = asyncio.current_task()
        assert task is not None
        flight = Flight(job, message_ids, claim, task, task.get_loop().time())
        self._flights.add(flight)
        try:
            yield flight
        finally:
            self._flights.discard(flight)

    def holding(self, run_ids: set[UUID]) -> list[Flight]:
        return [flight for flight in self._flights if flight.claim and flight.claim.run_id in run_ids]

    def of(self, job: Job[Any]) -> list[Flight]:
        return [flight for flight in self._flights if flight.job is job]

    def stop_all(self, why: Stop) -> None:
        for flight in self:
            flight.stop(why)

    def __iter__(self) -> Iterator[Flight]:
        return iter(tuple(self._flights))

    def __len__(self) -> int:
        return len(self._flights)
