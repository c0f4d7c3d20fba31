"""What a queue has to do for a worker, whether it is `transports.pgmq` or `transports.sqs`.

How it maps on SQS, where a message cannot take part in a transaction: `send` writes a row of clarivum.outbox, which a
relay turns into a message after COMMIT; what is done `with` a transaction is done soon after its COMMIT, and a crash
in between forgets it. That is allowed of both: a message that was not acknowledged is delivered again and found to be
a replay, one that was not postponed is delivered when its visibility ends, and the ledger knows that it has to wait.
"""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from clarivum.database import DatabaseError, Transaction
from clarivum.errors import RequestError
from clarivum.jobs.declaration import Job
from clarivum.jobs.message import Message


class QueueError(RequestError):
    """A queue outside the database that does not answer (code `unavailable`), or refuses; `refusal` is its own code."""

    refusal: str = ""


FAILURES = (DatabaseError, QueueError)
"""What every coroutine of a transport may raise; code `unavailable`: try again."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """How a queue stands. `waiting`: for a retry or a delay; `oldest_age_s`: how long the oldest message that is
    due has waited for a worker, 0 where none is.

    SQS knows no difference between a message that is worked on and one that waits for a retry: both are `running`.
    The age of its messages is in CloudWatch only: here it is that of the outbox, None where nothing in it is due.
    """

    depth: int
    ready: int
    running: int
    waiting: int
    oldest_age_s: float | None


class Queued(NamedTuple):
    """A run that is still in its queue: since when, and when it may start."""

    enqueued_at: datetime
    visible_at: datetime


class Transport(Protocol):
    """At-least-once delivery with a visibility timeout. The ledger, not the transport, makes the effect happen once.

    Every coroutine raises one of FAILURES, with code `unavailable` while the queue cannot be reached.
    """

    system: str
    """`messaging.system` in telemetry."""
    wait_s: float
    """How long `receive` itself waits for a first message; 0: not at all, look again when notified."""
    channel: str | None
    """The NOTIFY channel that tells of new messages, its payload the queue's name; None: there is none."""

    def send(self, tx: Transaction, job: Job[Any], body: bytes, headers: Mapping[str, str], delay_s: int) -> None:
        """Send with the transaction's COMMIT or not at all, and wake a worker. An error is raised by COMMIT."""
        ...

    async def receive(self, job: Job[Any], limit: int, visibility_s: int) -> Sequence[Message]:
        """Up to `limit` visible messages, hidden from others for `visibility_s`; none: after `wait_s`.

        pgmq: oldest first. SQS: in no promised order, and a message may be delivered twice at once.
        """
        ...

    async def postpone(self, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        """Hide received messages for `delay_s` from now (the heartbeat, a retry); 0 shows them and wakes a worker.

        Those that are not held any more are passed over, here and in acknowledge.
        """
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

    async def find(self, job: Job[Any], run_id: UUID) -> Queued | None:
        """The oldest message of a run, for people. SQS cannot look into a queue: there only what the outbox holds."""
        ...

    async def missing(self, jobs: Sequence[Job[Any]]) -> list[str]:
        """The queues of these jobs that do not exist, sorted. Raises DependencyDownError when nobody answers, and
        ConfigurationError when it is not let in."""
        ...

    def side_tasks(self, jobs: Sequence[Job[Any]]) -> Sequence[Coroutine[Any, Any, None]]:
        """What has to run beside a worker of these jobs until it is cancelled: on SQS the relay."""
        ...

    async def close(self) -> None:
        """Do what is still to be done after transactions that committed, and disconnect."""
        ...
