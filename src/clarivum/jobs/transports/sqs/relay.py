"""The relay: from the outbox to SQS, in batches of ten, each row removed after SQS said that it has the message.

Rows are locked while they are sent: several relays share the work. A relay that dies lets its rows go, and what it had
sent is sent again; the ledger finds the second message to be a replay.
"""

import asyncio
import random as randomness
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson

from clarivum import telemetry
from clarivum.database import WORKER, Database, Transaction
from clarivum.jobs.declaration import Job
from clarivum.jobs.failure import Failure
from clarivum.jobs.ledger import add_dead_letter
from clarivum.jobs.message import KEY, RUN_ID, Message
from clarivum.jobs.transports.interface import FAILURES, QueueError
from clarivum.jobs.transports.sqs.batches import Outcome, by_size, send_batches
from clarivum.jobs.transports.sqs.envelope import attributes_of, body_of, size_bytes, storable
from clarivum.jobs.transports.sqs.instruments import OUTBOX_AGE, OUTBOX_DEPTH, RELAYED
from clarivum.jobs.transports.sqs.names import MAX_BATCH_BYTES, MAX_DELAY_S
from clarivum.jobs.transports.sqs.statements import queries

if TYPE_CHECKING:
    from clarivum.jobs.transports.sqs.transport import SqsTransport

log = telemetry.get_logger("clarivum.jobs")

CHANNEL = "clarivum_outbox"
TAKE_AT_ONCE = 100
"""Rows of one queue in one transaction."""
CALLS_AT_ONCE = 8
POLL_S = 1.0
PAUSE_FIRST_S, PAUSE_LAST_S = 0.5, 5.0
MEASURE_S = 15.0


@dataclass(slots=True)
class Trouble:
    """A queue that SQS does not take messages for: not tried again before `until`."""

    pause_s: float
    until: float


class Relay:
    """Of one process, for the queues of these jobs. `random` draws the jitter of its pauses."""

    def __init__(
        self,
        transport: "SqsTransport",
        database: Database,
        jobs: Sequence[Job[Any]],
        *,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._transport = transport
        self._database = database
        self._jobs = {job.queue: job for job in jobs}
        self._random = random
        self._wake = asyncio.Event()
        self._troubles: dict[str, Trouble] = {}

    async def run(self) -> None:
        """Until cancelled: woken by NOTIFY, looking once a second besides."""
        listening = asyncio.create_task(self._listen())
        measuring = asyncio.create_task(self._measure())
        try:
            while True:
                self._wake.clear()
                if not await self._round():
                    await self._woken()
        finally:
            for task in (listening, measuring):
                task.cancel()
            await asyncio.gather(listening, measuring, return_exceptions=True)

    async def send_some(self) -> int:
        """One transaction's worth of each queue; returns how many rows left the outbox. Raises one of FAILURES."""
        now = asyncio.get_running_loop().time()
        queues = [queue for queue in self._jobs if queue not in self._troubles or self._troubles[queue].until <= now]
        async with self._database.session(WORKER).transaction() as tx:
            rows = await tx.many(queries.take_outbox, queues=queues, ahead_s=MAX_DELAY_S, limit=TAKE_AT_ONCE)
            by_queue: dict[str, list[dict[str, Any]]] = {}
            for row in rows:
                by_queue.setdefault(row["queue"], []).append(row)
            gone = await asyncio.gather(*(self._send(tx, self._jobs[queue], some) for queue, some in by_queue.items()))
            ids = [each for some in gone for each in some]
            if ids:
                tx.defer(queries.remove_sent, ids=ids)
        return len(ids)

    async def drain(self) -> int:
        """Send until nothing that is due is left, or SQS takes no more; returns how many rows left the outbox."""
        total = 0
        while some := await self.send_some():
            total += some
        return total

    # -- one queue ---------------------------------------------------------------------------------------------------
    async def _send(self, tx: Transaction, job: Job[Any], rows: Sequence[dict[str, Any]]) -> list[int]:
        """Send rows of one queue; the ids of those that have left the outbox when the transaction commits."""
        entries = [_entry(row) for row in rows]
        sizes = [size_bytes(entry["MessageBody"], entry["MessageAttributes"]) for entry in entries]
        try:
            url = await self._transport.url(job.queue)
            slices = by_size(len(entries), sizes.__getitem__, MAX_BATCH_BYTES)
            outcome = await send_batches(
                self._transport.calls, "SendMessageBatch", url, entries, slices=slices, at_once=CALLS_AT_ONCE
            )
        except QueueError as error:
            outcome = Outcome(failed=dict.fromkeys(range(len(rows)), error))
        for position, code in outcome.refused.items():
            _bury(tx, job, rows[position], code)
        self._note(job, outcome)
        return [rows[position]["id"] for position in (*outcome.done, *outcome.refused)]

    def _note(self, job: Job[Any], outcome: Outcome) -> None:
        for what, count in (
            ("sent", len(outcome.done)), ("refused", len(outcome.refused)), ("failed", len(outcome.failed)),
        ):  # fmt: skip
            if count:
                RELAYED.add(count, job.name, what)
        if not outcome.failed:
            self._troubles.pop(job.queue, None)
            return
        known = self._troubles.get(job.queue)
        pause_s = min(known.pause_s * 2, PAUSE_LAST_S) if known else PAUSE_FIRST_S
        until = asyncio.get_running_loop().time() + pause_s * (0.5 + self._random() / 2)
        self._troubles[job.queue] = Trouble(pause_s, until)
        error = next(iter(outcome.failed.values()))
        if error.refusal:
            self._transport.forget_url(job.queue)
        log.warning(
            "jobs wait in the outbox, SQS does not take them",
            job=job.name, messages=len(outcome.failed), reason=error.log or error.detail, again_in_s=round(pause_s, 1),
        )  # fmt: skip

    # -- the loop ----------------------------------------------------------------------------------------------------
    async def _round(self) -> int:
        try:
            return await self.send_some()
        except FAILURES as error:
            log.warning("the outbox cannot be relayed", reason=error.log or error.detail)
            await asyncio.sleep(POLL_S)
            return 0

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _listen(self) -> None:
        notified: AsyncIterator[str | None] = self._database.listen(CHANNEL)
        async for _ in notified:
            self._wake.set()

    async def _measure(self) -> None:
        while True:
            try:
                rows = await self._database.session(WORKER).many(queries.outbox_levels, queues=list(self._jobs))
            except FAILURES as error:
                log.warning("the outbox could not be measured", reason=error.log or error.detail)
            else:
                levels = {row["queue"]: row for row in rows}
                for queue, job in self._jobs.items():
                    level = levels.get(queue, {"depth": 0, "oldest_age_s": None})
                    OUTBOX_DEPTH.set(level["depth"], job.name)
                    OUTBOX_AGE.set(level["oldest_age_s"] or 0.0, job.name)
            await asyncio.sleep(MEASURE_S)


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    entry = {
        "MessageBody": body_of(row["body"]),
        "MessageAttributes": attributes_of(_headers(row), row["enqueued_at"]),
    }
    # Absent, the queue's own delay would count.
    return {**entry, "DelaySeconds": row["delay_s"]}


def _headers(row: dict[str, Any]) -> dict[str, str]:
    headers = row["headers"]
    return dict(orjson.loads(headers)) if isinstance(headers, str | bytes) else dict(headers)


def _bury(tx: Transaction, job: Job[Any], row: dict[str, Any], code: str) -> None:
    """What SQS will never take is a dead letter, as a payload that nobody can read is."""
    failure = Failure("MessageRefused", f"SQS refused the message: {code}", "refused")
    headers = _headers(row)
    run_id = UUID(headers[RUN_ID]) if RUN_ID in headers else uuid4()
    message = Message(str(row["id"]), storable(row["body"]), row["enqueued_at"], 0, headers)
    add_dead_letter(tx, job, message, failure, run_id=run_id, key=headers.get(KEY), attempts=0)
    log.error("SQS refused a job's message, it is a dead letter now", job=job.name, code=code)
