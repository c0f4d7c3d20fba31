"""A raw pgmq loop with our ledger's own SQL: one psycopg connection, a hundred messages read, entered and deleted in
one transaction; no payload type, no retries, no leases, no telemetry. What our worker adds is what its promises cost.
"""

import asyncio
import json
import time

import psycopg

from benchmarks.jobs.declared import BATCH, batched
from benchmarks.peers import job_peer
from clarivum.jobs.message import run_id_of
from clarivum.jobs.statements import queries

FILL_AT_ONCE = 1_000
WORKER_ROLE = "set role clarivum_worker"
VISIBILITY_S = 60
EMPTY_S = 0.002
# Ours fetches in a transaction of its own that need not be durable; here everything is one transaction.
SEND = (
    "select pgmq.send(%(queue)s, %(body)s::jsonb, %(headers)s::jsonb, %(delay_s)s::integer),"
    " pg_notify('clarivum_jobs', %(queue)s)"
)
READ = "select msg_id, enqueued_at, message::text from pgmq.read(%(queue)s, %(visibility_s)s, %(limit)s)"


class RawPgmq:
    def __init__(self) -> None:
        self.url = job_peer.settings()["url"]
        self.connection: psycopg.AsyncConnection | None = None

    @property
    def cursor(self) -> psycopg.AsyncCursor:
        assert self.connection is not None
        return self.connection.cursor()

    async def open(self) -> None:
        self.connection = await psycopg.AsyncConnection.connect(self.url, prepare_threshold=0)
        await self.connection.execute(WORKER_ROLE)
        await self.connection.commit()

    async def close(self) -> None:
        assert self.connection is not None
        await self.connection.close()

    async def setup(self) -> None:
        """The harness creates the queue."""

    async def fill(self, count: int) -> None:
        assert self.connection is not None
        base = time.time_ns() // 1_000
        for first in range(0, count, FILL_AT_ONCE):
            numbers = range(base + first, base + min(first + FILL_AT_ONCE, count))
            bodies = [json.dumps({"number": number, "sent_at": 0.0}) for number in numbers]
            await self.cursor.execute("select pgmq.send_batch(%s, %s::jsonb[])", [batched.queue, bodies])
            await self.connection.commit()

    async def enqueue(self, number: int, sent_at: float) -> None:
        assert self.connection is not None
        body = json.dumps({"number": number, "sent_at": sent_at})
        values = {"queue": batched.queue, "body": body, "headers": "{}", "delay_s": 0}
        async with self.connection.pipeline():
            await self.cursor.execute(SEND, values)
            await self.connection.commit()

    async def work(self, started: job_peer.Started, enough: asyncio.Event) -> None:
        assert self.connection is not None
        fetch = {"queue": batched.queue, "visibility_s": VISIBILITY_S, "limit": BATCH}
        while True:
            cursor = await self.cursor.execute(READ, fetch)
            messages = await cursor.fetchall()
            if not messages:
                await self.connection.commit()
                if enough.is_set():
                    return
                await asyncio.sleep(EMPTY_S)
                continue
            payloads = [json.loads(message[2]) for message in messages]
            for payload in payloads:
                started(payload["sent_at"])
            keys = [str(payload["number"]) for payload in payloads]
            ids = [message[0] for message in messages]
            claim = {
                "run_ids": [run_id_of(batched.name, key) for key in keys],
                "keys": keys,
                "message_ids": [str(number) for number in ids],
                "enqueued_at": [message[1] for message in messages],
                "job": batched.name,
            }
            async with self.connection.pipeline():
                await self.cursor.execute(queries.claim_finished.source, claim)
                await self.cursor.execute(queries.delete_messages.source, {"queue": batched.queue, "message_ids": ids})
                await self.connection.commit()


if __name__ == "__main__":
    job_peer.main(RawPgmq())
