"""What a handler is given beside its payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from clarivum.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from clarivum.database import Transaction


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at one job.

    `transaction` runs as clarivum_worker and is the transaction in which the ledger records the run as finished: what
    the handler writes through it happens exactly once. The worker commits it; a handler never does. An effect outside
    the database passes `key` on as that system's idempotency key.
    """

    id: UUID
    """Made at enqueue; the same in every attempt."""
    job: str
    key: str
    """The idempotency key: the payload's key field as text."""
    attempt: int
    """1 for the first attempt."""
    transaction: Transaction
    deadline: float
    """When this attempt is cancelled, on `clock.monotonic()`."""
    log: Any
    """Bound to job, run id and attempt; the trace id is added, secrets are scrubbed."""
    clock: Clock = SYSTEM_CLOCK

    def remaining_s(self) -> float:
        """Seconds until the attempt is cancelled; never negative."""
        return max(0.0, self.deadline - self.clock.monotonic())
