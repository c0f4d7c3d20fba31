"""Ours: the worker as `./clarivum jobs work` runs it, in one process, on the login that row-level security binds.

PEER also names the job: `single` (a transaction each) or `batched` (a hundred share one).
"""

import asyncio
import os
import time

from benchmarks.jobs.declared import JOBS, PAYLOADS, Starts
from benchmarks.peers import job_peer
from clarivum import telemetry
from clarivum.database import WORKER, Database
from clarivum.jobs import outbox
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.worker.watchdog import Watchdog
from clarivum.jobs.worker.worker import Worker, connections_for
from clarivum.settings import Settings

FILL_AT_ONCE = 500


class Clarivum:
    def __init__(self) -> None:
        settings = job_peer.settings()
        self.job = JOBS[settings["job"]]
        self.payload = PAYLOADS[settings["job"]]
        self.options = WorkerOptions(concurrency=settings["concurrency"])
        self.database = Database(settings["url"], pipelines=1, connections=connections_for(self.options, 1))
        self.database.outbox = outbox([self.job])

    async def open(self) -> None:
        telemetry.configure(Settings.load(os.environ), role="worker")
        await self.database.open()

    async def close(self) -> None:
        await self.database.close()
        telemetry.shutdown()

    async def setup(self) -> None:
        """The harness creates the queue, as a deployment does."""

    async def fill(self, count: int) -> None:
        base = time.time_ns() // 1_000
        for first in range(0, count, FILL_AT_ONCE):
            async with self.database.session(WORKER).transaction() as tx:
                for number in range(first, min(first + FILL_AT_ONCE, count)):
                    await tx.enqueue(self.payload(number=base + number, sent_at=0.0))

    async def enqueue(self, number: int, sent_at: float) -> None:
        async with self.database.session(WORKER).transaction() as tx:
            await tx.enqueue(self.payload(number=number, sent_at=sent_at))

    async def work(self, started: job_peer.Started, enough: asyncio.Event) -> None:
        Starts.tell = staticmethod(started)
        watchdog = Watchdog()
        watchdog.start()
        try:
            await Worker([self.job], self.database, self.options, watchdog=watchdog).run(enough)
        finally:
            watchdog.stop()


if __name__ == "__main__":
    job_peer.main(Clarivum())
