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
from clarivum.jobs.transports.choice import transport_for
from clarivum.jobs.transports.sqs.relay import Relay
from clarivum.jobs.transports.sqs.transport import SqsTransport
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
        self.queue = transport_for(Settings.load(os.environ), self.database)
        self.database.outbox = outbox([self.job], self.queue)

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

        if isinstance(self.queue, SqsTransport):
            await Relay(self.queue, self.database, [self.job]).drain()

    async def enqueue(self, number: int, sent_at: float) -> None:
        async with self.database.session(WORKER).transaction() as tx:
            await tx.enqueue(self.payload(number=number, sent_at=sent_at))

    async def work(self, started: job_peer.Started, enough: asyncio.Event) -> float | None:
        Starts.tell = staticmethod(started)
        watchdog = Watchdog()
        watchdog.start()
        worker = Worker([self.job], self.database, self.options, watchdog=watchdog, transport=self.queue)
        try:
            if not isinstance(self.queue, SqsTransport):
                await worker.run(enough)
                return None
            stop = asyncio.Event()
            running = asyncio.create_task(worker.run(stop))
            await enough.wait()
            ended = await self._acknowledged()
            stop.set()  # and then it waits for its last long poll
            await running
            return ended
        finally:
            watchdog.stop()

    async def _acknowledged(self) -> float:
        """When the queue is empty, on perf_counter."""
        while (await self.queue.status(self.job)).depth:  # noqa: ASYNC110 - SQS tells nobody
            await asyncio.sleep(0.005)
        return time.perf_counter()


if __name__ == "__main__":
    job_peer.main(Clarivum())
