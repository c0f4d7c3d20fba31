"""pgqueuer with its asyncpg driver; its log of finished jobs, written in batches, is its counterpart of a ledger."""

import asyncio
import json
from datetime import timedelta

import asyncpg
import job_peer
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

SETTINGS = job_peer.settings()
FILL_AT_ONCE = 1_000


class Pgqueuer:
    def __init__(self) -> None:
        self.connection: asyncpg.Connection | None = None

    @property
    def driver(self) -> AsyncpgDriver:
        assert self.connection is not None
        return AsyncpgDriver(self.connection)

    async def open(self) -> None:
        self.connection = await asyncpg.connect(SETTINGS["url"])

    async def close(self) -> None:
        assert self.connection is not None
        await self.connection.close()

    async def setup(self) -> None:
        await Queries(self.driver).install()

    async def fill(self, count: int) -> None:
        queries = Queries(self.driver)
        payload = json.dumps({"sent_at": 0.0}).encode()
        for first in range(0, count, FILL_AT_ONCE):
            size = min(FILL_AT_ONCE, count - first)
            await queries.enqueue(["noop"] * size, [payload] * size, [0] * size)

    async def enqueue(self, number: int, sent_at: float) -> None:
        await Queries(self.driver).enqueue("noop", json.dumps({"number": number, "sent_at": sent_at}).encode())

    async def work(self, started: job_peer.Started, enough: asyncio.Event) -> None:
        queuer = PgQueuer(self.driver)

        @queuer.entrypoint("noop")
        async def noop(job: Job) -> None:
            started(json.loads(job.payload or b"{}")["sent_at"])

        running = asyncio.create_task(queuer.run(batch_size=SETTINGS["batch"], dequeue_timeout=timedelta(seconds=1)))
        waiting = asyncio.create_task(enough.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        queuer.shutdown.set()
        await asyncio.gather(running, waiting)


if __name__ == "__main__":
    job_peer.main(Pgqueuer())
