"""The SQS transport. Sending goes through the outbox; receiving, postponing and acknowledging are batch calls."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from clarivum import telemetry
from clarivum.database import WORKER, Database, Transaction
from clarivum.errors import UNAVAILABLE, ConfigurationError, DependencyDownError
from clarivum.jobs.declaration import Job
from clarivum.jobs.message import Message
from clarivum.jobs.transports.interface import Queued, QueueError, QueueStatus
from clarivum.jobs.transports.sqs.batches import by_number, send_batches
from clarivum.jobs.transports.sqs.calls import MISSING_QUEUE, SqsCalls, SqsOptions
from clarivum.jobs.transports.sqs.envelope import NEEDED, message_of
from clarivum.jobs.transports.sqs.names import MAX_BATCH, MAX_VISIBILITY_S, sqs_queue_name
from clarivum.jobs.transports.sqs.statements import queries

log = telemetry.get_logger("clarivum.jobs")

MOST_CALLS = 16
"""Calls at once for one queue."""
FORGET_AFTER_S = 60.0
GATHER_S = 0.005


class Held(NamedTuple):
    """A delivery of this process: what SQS wants to know it by, and until when that is worth keeping."""

    receipt: str
    until: float


class SqsTransport:
    """`database` may be left out by a producer: sending needs the caller's transaction alone."""

    system: str = "aws_sqs"
    channel: str | None = None

    def __init__(self, options: SqsOptions, database: Database | None = None, *, calls: SqsCalls | None = None) -> None:
        self.options = options
        self.wait_s: float = options.wait_s
        self.calls = calls or SqsCalls(options)
        self._database = database
        self._urls: dict[str, str] = {}
        self._held: dict[tuple[str, str], Held] = {}
        self._sweep_at = 0.0
        self._widths: dict[str, int] = {}
        self._afterwards: dict[tuple[Job[Any], int | None], list[str]] = {}
        self._flushing: asyncio.Task[None] | None = None

    # -- producing ---------------------------------------------------------------------------------------------------
    def send(self, tx: Transaction, job: Job[Any], body: bytes, headers: Mapping[str, str], delay_s: int) -> None:
        tx.defer(
            queries.add_to_outbox,
            queue=job.queue,
            body=body.decode(),
            headers=orjson.dumps(headers).decode(),
            delay_s=delay_s,
        )

    # -- receiving ---------------------------------------------------------------------------------------------------
    async def receive(self, job: Job[Any], limit: int, visibility_s: int) -> Sequence[Message]:
        """One long poll while the queue is quiet; up to `MOST_CALLS` at once while it is full."""
        width = min(self._widths.get(job.queue, 1), -(-limit // MAX_BATCH))
        answers = await asyncio.gather(
            *(
                self._receive(job, min(MAX_BATCH, limit - first), visibility_s, 0 if width > 1 else self.options.wait_s)
                for first in range(0, width * MAX_BATCH, MAX_BATCH)
            ),
            return_exceptions=True,
        )
        messages = [message for answer in answers if isinstance(answer, list) for message in answer]
        full = 2 * len(messages) >= min(width * MAX_BATCH, limit)
        self._widths[job.queue] = min(2 * width, MOST_CALLS) if full else max(1, width // 2) if messages else 1
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        if errors and (not messages or not isinstance(errors[0], QueueError)):
            raise errors[0]
        return messages

    async def _receive(self, job: Job[Any], limit: int, visibility_s: int, wait_s: int) -> list[Message]:
        body = {
            "QueueUrl": await self.url(job.queue),
            "MaxNumberOfMessages": limit,
            "VisibilityTimeout": visibility_s,
            "WaitTimeSeconds": wait_s,
            "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
            "MessageAttributeNames": NEEDED,
        }
        answer = await self._call(job.queue, "ReceiveMessage", body, wait_s)
        received = answer.get("Messages") or ()
        now = asyncio.get_running_loop().time()
        for each in received:
            self._hold(job, each["MessageId"], each["ReceiptHandle"], now + visibility_s)
        self._forget_old(now)
        return [message_of(each) for each in received]

    # -- settling ----------------------------------------------------------------------------------------------------
    async def postpone(self, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        delay_s = min(delay_s, MAX_VISIBILITY_S)
        entries = {
            message_id: {"ReceiptHandle": held.receipt, "VisibilityTimeout": delay_s}
            for message_id in message_ids
            if (held := self._held.get((job.queue, message_id))) is not None
        }
        failed = await self._batch(job, "ChangeMessageVisibilityBatch", entries)
        until = asyncio.get_running_loop().time() + delay_s
        for message_id, entry in entries.items():
            self._hold(job, message_id, str(entry["ReceiptHandle"]), until)
        if failed is not None:
            raise failed

    def postpone_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        tx.on_commit(lambda: self._soon(job, delay_s, message_ids))

    async def acknowledge(self, job: Job[Any], message_ids: Sequence[str]) -> None:
        held = {
            message_id: held for message_id in message_ids if (held := self._held.pop((job.queue, message_id), None))
        }
        entries = {message_id: {"ReceiptHandle": held[message_id].receipt} for message_id in held}
        failed = await self._batch(job, "DeleteMessageBatch", entries)
        if failed is not None:
            # Deleting twice is no error, so all of them may be tried again.
            self._held |= {(job.queue, message_id): each for message_id, each in held.items()}
            raise failed

    def acknowledge_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str]) -> None:
        tx.on_commit(lambda: self._soon(job, None, message_ids))

    # -- people and processes ----------------------------------------------------------------------------------------
    async def status(self, job: Job[Any]) -> QueueStatus:
        names = ["", "NotVisible", "Delayed"]
        body = {
            "QueueUrl": await self.url(job.queue),
            "AttributeNames": [f"ApproximateNumberOfMessages{name}" for name in names],
        }
        answer = await self._call(job.queue, "GetQueueAttributes", body)
        ready, running, delayed = (
            int(answer["Attributes"].get(f"ApproximateNumberOfMessages{name}", 0)) for name in names
        )
        rows = await self._connected.many(queries.outbox_levels, queues=[job.queue])
        unsent, age_s = (rows[0]["depth"], rows[0]["oldest_age_s"]) if rows else (0, None)
        return QueueStatus(ready + running + delayed + unsent, ready, running, delayed + unsent, age_s)

    async def find(self, job: Job[Any], run_id: UUID) -> Queued | None:
        row = await self._connected.maybe(queries.outbox_run, queue=job.queue, run_id=str(run_id))
        return None if row is None else Queued(row["enqueued_at"], row["due_at"])

    async def missing(self, jobs: Sequence[Job[Any]]) -> list[str]:
        async def is_missing(job: Job[Any]) -> bool:
            try:
                await self.url(job.queue)
            except QueueError as error:
                if error.refusal in MISSING_QUEUE:
                    return True
                if error.code is UNAVAILABLE:
                    raise DependencyDownError(f"SQS does not answer: {error.log}") from None
                raise ConfigurationError(str(error.log)) from None
            return False

        absent = await asyncio.gather(*(is_missing(job) for job in jobs))
        return sorted(
            sqs_queue_name(job.queue, self.options.prefix) for job, gone in zip(jobs, absent, strict=True) if gone
        )

    def side_tasks(self, jobs: Sequence[Job[Any]]) -> Sequence[Coroutine[Any, Any, None]]:
        from clarivum.jobs.transports.sqs.backstop import Backstop  # noqa: PLC0415 - a function starts without them
        from clarivum.jobs.transports.sqs.relay import Relay  # noqa: PLC0415

        assert self._database is not None, "this transport was made for producing only"
        return Relay(self, self._database, jobs).run(), Backstop(self, self._database, jobs).run()

    async def close(self) -> None:
        if self._flushing is not None:
            await self._flushing
        await self._flush()
        self.calls.close()

    async def url(self, queue: str) -> str:
        """The queue's URL, asked for once. Raises QueueError."""
        return await self.url_of(sqs_queue_name(queue, self.options.prefix))

    async def url_of(self, name: str) -> str:
        known = self._urls.get(name)
        if known is None:
            answer = await self.calls.call("GetQueueUrl", {"QueueName": name})
            known = self._urls[name] = answer["QueueUrl"]
        return known

    def forget_url(self, queue: str) -> None:
        """Ask for it again: the queue was not there."""
        self._urls.pop(sqs_queue_name(queue, self.options.prefix), None)

    @property
    def _connected(self) -> Any:
        assert self._database is not None, "this transport was made for producing only"
        return self._database.session(WORKER)

    # -- afterwards --------------------------------------------------------------------------------------------------
    def _soon(self, job: Job[Any], delay_s: int | None, message_ids: Sequence[str]) -> None:
        """After COMMIT, together with what else is committed about now. `delay_s` None: acknowledge."""
        self._afterwards.setdefault((job, delay_s), []).extend(message_ids)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        await asyncio.sleep(GATHER_S)
        while self._afterwards:
            await self._flush()
        self._flushing = None

    async def _flush(self) -> None:
        """What fails is left as it is: the message comes again, and the ledger knows what to do with it."""
        while self._afterwards:
            (job, delay_s), message_ids = self._afterwards.popitem()
            try:
                if delay_s is None:
                    await self.acknowledge(job, message_ids)
                else:
                    await self.postpone(job, message_ids, delay_s)
            except QueueError as error:
                log.warning("job messages were not settled and will come again", job=job.name, reason=error.log)

    # -- calls -------------------------------------------------------------------------------------------------------
    async def _batch(
        self, job: Job[Any], action: str, entries: Mapping[str, Mapping[str, object]]
    ) -> QueueError | None:
        """Refused entries are those that somebody else holds by now, or nobody: nothing is left to do about them."""
        if not entries:
            return None
        listed = list(entries.values())
        outcome = await send_batches(
            self.calls, action, await self.url(job.queue), listed, slices=by_number(len(listed)), at_once=MOST_CALLS
        )
        return next(iter(outcome.failed.values()), None)

    async def _call(self, queue: str, action: str, body: Mapping[str, Any], wait_s: float = 0.0) -> Any:
        try:
            return await self.calls.call(action, body, wait_s=wait_s)
        except QueueError as error:
            if error.refusal in MISSING_QUEUE:
                self.forget_url(queue)
            raise

    def _hold(self, job: Job[Any], message_id: str, receipt: str, until: float) -> None:
        self._held[job.queue, message_id] = Held(receipt, until)

    def _forget_old(self, now: float) -> None:
        """Receipts of messages that others have by now."""
        if now >= self._sweep_at:
            self._sweep_at = now + FORGET_AFTER_S
            self._held = {key: held for key, held in self._held.items() if held.until + FORGET_AFTER_S > now}
