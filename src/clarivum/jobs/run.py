"""What a handler is given beside its payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.telemetry import get_logger

if TYPE_CHECKING:
    from clarivum.database import Transaction
    from clarivum.telemetry import BoundLogger

log = get_logger("clarivum.jobs")


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at one job.

    `transaction` runs as clarivum_worker and is the transaction in which the ledger records the run as finished: what
    the handler writes through it happens exactly once. The worker commits it; a handler never does. An effect outside
    the database passes `key` on as that system's idempotency key.
    """

    id: UUID
    """Made of job and key: the same in every attempt, and for every enqueue of that key."""
    job: str
    key: str
    """The idempotency key: the payload's key field as text."""
    attempt: int
    """1 for the first attempt."""
    transaction: Transaction
    deadline: float
    """When this attempt is cancelled, on `clock.monotonic()`."""
    clock: Clock = SYSTEM_CLOCK

    def remaining_s(self) -> float:
        """Seconds until the attempt is cancelled; never negative."""
        return max(0.0, self.deadline - self.clock.monotonic())

    @property
    def log(self) -> BoundLogger:
        """Bound to job, run and attempt; the trace id is added, secrets are scrubbed."""
        return log.bind(job=self.job, run_id=str(self.id), attempt=self.attempt)
