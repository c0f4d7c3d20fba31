"""The messages of one invocation as a transport: what Lambda delivered is not received, and is deleted by Lambda.

A message that is not acknowledged by the end of the invocation is reported as failed, and comes back when the
visibility ends that was set for it: the backoff of a retry, 0 for what was handed back.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from clarivum import telemetry
from clarivum.database import Database, Transaction
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.declaration import Job
from clarivum.jobs.lambda_handler.event import Delivery
from clarivum.jobs.transports.interface import QueueError
from clarivum.jobs.transports.sqs.batches import by_number, send_batches
from clarivum.jobs.transports.sqs.names import MAX_VISIBILITY_S
from clarivum.jobs.transports.sqs.transport import SqsTransport

log = telemetry.get_logger("clarivum.jobs")

CALLS_AT_ONCE = 4


class Deliveries(SqsTransport):
    """`sqs` outlives the invocation, with its connections and the queues' URLs. Settling waits for `report`."""

    def __init__(self, sqs: SqsTransport, database: Database, deliveries: Iterable[Delivery]) -> None:
        super().__init__(sqs.options, database, calls=sqs.calls)
        self._sqs = sqs
        self._open = {each.message.id: each for each in deliveries}
        self._hidden_s: dict[str, int] = {}
        self.has_sent = False
        """Whether a handler enqueued something: the outbox holds it now."""

    def send(self, tx: Transaction, *message: Any) -> None:
        super().send(tx, *message)
        self.has_sent = True

    async def postpone(self, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        self._hidden_s |= dict.fromkeys(message_ids, min(delay_s, MAX_VISIBILITY_S))

    def postpone_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        hidden_s = dict.fromkeys(message_ids, min(delay_s, MAX_VISIBILITY_S))
        tx.on_commit(lambda: self._hidden_s.update(hidden_s))

    async def acknowledge(self, job: Job[Any], message_ids: Sequence[str]) -> None:
        self._settled(message_ids)

    def acknowledge_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str]) -> None:
        tx.on_commit(lambda: self._settled(message_ids))

    async def url_of(self, name: str) -> str:
        return await self._sqs.url_of(name)

    def hide(self, message_id: str, delay_s: int) -> None:
        """Let a message of no job come back after `delay_s`."""
        self._hidden_s[message_id] = delay_s

    def open_ids(self) -> list[str]:
        """Those that are not settled, in the order of the event."""
        return list(self._open)

    async def report(self, backoff: Backoff, random: Any) -> list[str]:
        """The ids of those that come back, in the order of the event, after their visibility was set.

        One of which nothing is known comes back after a backoff by how often it was delivered. A visibility that could
        not be set is left as the queue's own.
        """
        by_queue: dict[str, list[dict[str, object]]] = {}
        for message_id, delivery in self._open.items():
            hidden_s = self._hidden_s.get(message_id)
            if hidden_s is None:
                hidden_s = backoff.delay_s(delivery.receives, random)
            entry: dict[str, object] = {"ReceiptHandle": delivery.receipt, "VisibilityTimeout": hidden_s}
            by_queue.setdefault(delivery.queue, []).append(entry)
        for queue, entries in by_queue.items():
            await self._hide(queue, entries)
        return self.open_ids()

    async def _hide(self, queue: str, entries: list[dict[str, object]]) -> None:
        slices = by_number(len(entries))
        try:
            url = await self.url_of(queue)
            outcome = await send_batches(
                self.calls, "ChangeMessageVisibilityBatch", url, entries, slices=slices, at_once=CALLS_AT_ONCE
            )
        except QueueError as error:
            reason: object = error.log
        else:
            refused = next(iter(outcome.refused.values()), None)
            reason = next((error.log for error in outcome.failed.values()), refused)
        if reason is not None:
            log.warning("messages come back when the queue's own visibility ends", queue=queue, reason=reason)

    def _settled(self, message_ids: Sequence[str]) -> None:
        for message_id in message_ids:
            self._open.pop(message_id, None)
