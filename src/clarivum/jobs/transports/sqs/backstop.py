"""From SQS's dead-letter queues into clarivum.dead_letters.

A message that was received too often without being settled, as when the database could not take its dead letter, is
moved by SQS itself. Workers bring it back, so that there is one list of dead letters and one redrive.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from clarivum import telemetry
from clarivum.database import WORKER, Database, Transaction
from clarivum.jobs.declaration import Job
from clarivum.jobs.failure import Failure
from clarivum.jobs.ledger import SETTLED, add_dead_letter
from clarivum.jobs.message import Message, NewerVersionError, read
from clarivum.jobs.payload import PayloadError
from clarivum.jobs.statements import queries as job_queries
from clarivum.jobs.transports.interface import FAILURES, QueueError
from clarivum.jobs.transports.sqs.calls import MISSING_QUEUE
from clarivum.jobs.transports.sqs.envelope import NEEDED, message_of
from clarivum.jobs.transports.sqs.names import MAX_BATCH, MAX_RECEIVE_COUNT, sqs_dead_letter_queue_name
from clarivum.jobs.transports.sqs.statements import queries

if TYPE_CHECKING:
    from clarivum.jobs.transports.sqs.transport import SqsTransport

log = telemetry.get_logger("clarivum.jobs")

LOOK_S = 60.0
VISIBILITY_S = 60
REASON = Failure(
    "ReceivedTooOften", f"SQS gave the message up after {MAX_RECEIVE_COUNT} receives that settled nothing", "received"
)


class Backstop:
    """Of one process, for the dead-letter queues of these jobs."""

    def __init__(self, transport: "SqsTransport", database: Database, jobs: Sequence[Job[Any]]) -> None:
        self._transport = transport
        self._session = database.session(WORKER)
        self._jobs = jobs

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for job in self._jobs:
                try:
                    while await self.collect(job):
                        pass
                except FAILURES as error:
                    log.warning("dead-letter queue cannot be read", job=job.name, reason=error.log or error.detail)
            await asyncio.sleep(LOOK_S)

    async def collect(self, job: Job[Any]) -> int:
        """Up to ten dead letters of one job; returns how many were taken out. A queue that is not there has none."""
        calls = self._transport.calls
        try:
            url = await self._transport.url_of(sqs_dead_letter_queue_name(job.queue, self._transport.options.prefix))
        except QueueError as error:
            if error.refusal in MISSING_QUEUE:
                return 0
            raise
        body = {
            "QueueUrl": url,
            "MaxNumberOfMessages": MAX_BATCH,
            "VisibilityTimeout": VISIBILITY_S,
            "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
            "MessageAttributeNames": NEEDED,
        }
        received = (await calls.call("ReceiveMessage", body)).get("Messages") or ()
        taken = 0
        for each in received:
            async with self._session.transaction() as tx:
                settled = await self._enter(tx, job, message_of(each))
            if settled:
                await calls.call("DeleteMessage", {"QueueUrl": url, "ReceiptHandle": each["ReceiptHandle"]})
                taken += 1
        return taken

    async def _enter(self, tx: Transaction, job: Job[Any], message: Message) -> bool:
        """Enter the message as dead letter, unless its run is settled. False while somebody works on it."""
        run_id: UUID | None = None
        try:
            request = read(job, message)
        except (PayloadError, NewerVersionError):
            run_id, key, attempts = uuid4(), None, 0
        else:
            run_id, key = request.run_id, request.key
            buried = await tx.execute(queries.bury_unsettled, run_id=run_id, error=REASON.error, message=REASON.message)
            rows = await tx.many(job_queries.examine_runs, run_ids=[run_id])
            if rows and not buried:
                return rows[0]["state"] in SETTLED
            attempts = 0
        add_dead_letter(tx, job, message, REASON, run_id=run_id, key=key, attempts=attempts)
        log.error("a job's message was received too often, it is a dead letter now", job=job.name)
        return True
