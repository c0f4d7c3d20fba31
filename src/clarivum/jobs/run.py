"""What a handler is given beside its payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from clarivum.database import Transaction
    from clarivum.jobs.external import Answers
    from clarivum.telemetry import BoundLogger

T = TypeVar("T")
log = get_logger("clarivum.jobs")


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at one job.

    `transaction` runs as clarivum_worker and is the transaction in which the ledger records the run as finished: what
    the handler writes through it happens exactly once. The worker commits it; a handler never does. An effect outside
    the database goes through `once`, or passes `key` on as that system's idempotency key.
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
    answers: Answers | None = None
    """None where a handler is called by hand: then `once` just calls."""

    async def once(self, name: str, call: Callable[[str], Awaitable[T]]) -> T:
        """Have an effect outside the database, and remember the answer for later attempts at this run.

        `call` is given the idempotency key to pass on and returns a JSON value of at most 16 KiB, which is committed at
        once, whatever becomes of this attempt. Every attempt gets it as JSON has it: a datetime or UUID comes back as
        text, a tuple as a list. `name` is unique in the handler: `stripe.refund`. At least once, not
        exactly: a process killed between the answer and its note calls again, with the same key.

        Raises what `call` raises (nothing is noted), ValueError for a name, AnswerError for an answer.
        """
        if self.answers is None:
            from clarivum.jobs.external import as_kept  # noqa: PLC0415 - declaring a job needs none of it

            return as_kept(name, await call(f"{self.id}.{name}"))
        return await self.answers.once(name, call)

    def remaining_s(self) -> float:
        """Seconds until the attempt is cancelled; never negative."""
        return max(0.0, self.deadline - self.clock.monotonic())

    @property
    def log(self) -> BoundLogger:
        """Bound to job, run and attempt; the trace id is added, secrets are scrubbed."""
        return log.bind(job=self.job, run_id=str(self.id), attempt=self.attempt)
