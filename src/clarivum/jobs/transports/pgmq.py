"""The pgmq transport: embedded, or Supabase Queues. A queue is a table, so a message commits with what caused it."""

from collections.abc import Coroutine, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import orjson

from clarivum.database import WORKER, Database, Query, Transaction, parse_queries
from clarivum.jobs.declaration import Job
from clarivum.jobs.message import Message
from clarivum.jobs.statements import queries
from clarivum.jobs.transports.interface import Queued, QueueStatus
from clarivum.jobs.transports.missing import missing_queues

CHANNEL = "clarivum_jobs"
"""NOTIFY channel of every queue; the payload is the queue's name."""
SEND = """
-- name: send_message -> none, writes
-- Enqueue one message, and wake the workers when the transaction commits.
insert into pgmq.q_{queue} (vt, message, headers)
values (
    clock_timestamp() + make_interval(secs => %(delay_s)s::integer), %(body)s::jsonb, %(headers)s::jsonb
)
returning pg_notify('clarivum_jobs', '{queue}');
"""
"""What `pgmq.send` does. That puts the statement together and has it planned for every message, for more time than all
the rest of it takes (126 µs instead of 64); this one is prepared once on a connection."""
HEADERS = ("job", "schema_version", "unique_from", "due_at", "traceparent", "tracestate", "baggage")


class PgmqTransport:
    """`database` is only used by the coroutines; a producer may leave it out."""

    system: str = "pgmq"
    wait_s: float = 0.0
    channel: str | None = CHANNEL

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._session = None if database is None else database.session(WORKER)

    def send(self, tx: Transaction, job: Job[Any], body: bytes, headers: Mapping[str, str], delay_s: int) -> None:
        tx.defer(
            send_statement(job.queue),
            body=body.decode(),
            headers=orjson.dumps(headers).decode(),
            delay_s=delay_s,
        )

    async def receive(self, job: Job[Any], limit: int, visibility_s: int) -> Sequence[Message]:
        rows = await self._connected.many(
            queries.receive_messages, queue=job.queue, limit=limit, visibility_s=visibility_s
        )
        return [_message(row) for row in rows]

    async def postpone(self, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        async with self._connected.transaction() as tx:
            self.postpone_with(tx, job, message_ids, delay_s)

    def postpone_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str], delay_s: int) -> None:
        tx.defer(queries.postpone_messages, queue=job.queue, message_ids=message_ids, delay_s=delay_s)
        if delay_s == 0:
            tx.defer(queries.wake_workers, queue=job.queue)

    async def acknowledge(self, job: Job[Any], message_ids: Sequence[str]) -> None:
        await self._connected.execute(queries.delete_finished_messages, queue=job.queue, message_ids=message_ids)

    def acknowledge_with(self, tx: Transaction, job: Job[Any], message_ids: Sequence[str]) -> None:
        tx.defer(queries.delete_messages, queue=job.queue, message_ids=message_ids)

    async def status(self, job: Job[Any]) -> QueueStatus:
        row = await self._connected.one(queries.queue_status, queue=job.queue)
        return QueueStatus(**row)

    async def find(self, job: Job[Any], run_id: UUID) -> Queued | None:
        row = await self._connected.maybe(queries.queued_run, queue=job.queue, run_id=str(run_id))
        return None if row is None else Queued(row["enqueued_at"], row["visible_at"])

    async def missing(self, jobs: Sequence[Job[Any]]) -> list[str]:
        assert self._database is not None, "this transport was made for producing only"
        return await missing_queues(self._database, jobs)

    def side_tasks(self, jobs: Sequence[Job[Any]]) -> Sequence[Coroutine[Any, Any, None]]:
        return ()

    async def close(self) -> None:
        """Nothing is left to do: whatever was sent or settled was so by COMMIT."""

    @property
    def _connected(self) -> Any:
        assert self._session is not None, "this transport was made for producing only"
        return self._session


@cache
def send_statement(queue: str) -> Query:
    """What enqueues a message in one queue; parameters `body`, `headers`, `delay_s`."""
    return parse_queries(SEND.format(queue=queue), "pgmq").send_message


def _message(row: dict[str, Any]) -> Message:
    headers = {name: row[name] for name in HEADERS if row[name] is not None}
    return Message(str(row["msg_id"]), row["body"], row["enqueued_at"], row["receives"], headers)
