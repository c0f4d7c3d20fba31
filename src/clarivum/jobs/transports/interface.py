"""What a queue has to do for a worker. One implementation: `clarivum.jobs.transports.pgmq`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from clarivum.database import Transaction
from clarivum.jobs.declaration import Job
from clarivum.jobs.message import Message


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """How a queue stands. `waiting`: for a retry; `oldest_age_s`: since its oldest message was enqueued."""

    depth: int
    ready: int
    running: int
    waiting: int
    oldest_age_s: float


class Transport(Protocol):
    """At-least-once delivery with a visibility timeout. The ledger, not the transport, makes the effect happen once.

    Every coroutine raises DatabaseError with code `unavailable` while the queue cannot be reached.
    """

    system: str
    """`messaging.system` in telemetry."""

    def send(self, tx: Transaction, job: Job[Any], body: bytes, headers: Mapping[str, str], delay_s: int) -> None:
        """Send with the transaction's COMMIT or not at all, and wake a worker. An error is raised by COMMIT."""
        ...

    async def receive(self, job: Job[Any], limit: int, visibility_s: int) -> Sequence[Message]:
        """Up to `limit` visible messages, oldest first, hidden from others for `visibility_s`; none: at once."""
        ...

    async def postpone(self, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        """Hide received messages for `delay_s` from now (the heartbeat, a retry); 0 shows them and wakes a worker."""
        ...

    def postpone_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        """As postpone, when the transaction commits."""
        ...

    async def acknowledge(self, job: Job[Any], message_ids: Sequence[str]) -> None:
        """Remove messages whose runs are settled. May be forgotten by a crash: then each is delivered again."""
        ...

    def acknowledge_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str]) -> None:
        """As acknowledge, when the transaction commits."""
        ...

    async def status(self, job: Job[Any]) -> QueueStatus:
        """Counts every message: for people and gauges."""
        ...
