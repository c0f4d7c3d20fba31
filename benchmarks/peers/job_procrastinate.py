"""procrastinate with its psycopg connector; finished jobs are deleted, LISTEN/NOTIFY on."""

import asyncio

import job_peer
import procrastinate

SETTINGS = job_peer.settings()
FILL_AT_ONCE = 1_000


class Procrastinate:
    def __init__(self) -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=SETTINGS["url"], min_size=2, max_size=SETTINGS["concurrency"] + 2
        )
        self.app = procrastinate.App(connector=connector)
        self.started: job_peer.Started = lambda sent_at: None
        self.task = self.app.task(name="noop", pass_context=False)(self.noop)

    async def noop(self, number: int, sent_at: float) -> None:
        self.started(sent_at)

    async def open(self) -> None:
        await self.app.open_async()

    async def close(self) -> None:
        await self.app.close_async()

    async def setup(self) -> None:
        await self.app.schema_manager.apply_schema_async()

    async def fill(self, count: int) -> None:
        for first in range(0, count, FILL_AT_ONCE):
            numbers = range(first, min(first + FILL_AT_ONCE, count))
            await self.task.batch_defer_async(*({"number": number, "sent_at": 0.0} for number in numbers))

    async def enqueue(self, number: int, sent_at: float) -> None:
        await self.task.defer_async(number=number, sent_at=sent_at)

    async def work(self, started: job_peer.Started, enough: asyncio.Event) -> None:
        self.started = started
        worker = asyncio.create_task(
            self.app.run_worker_async(
                concurrency=SETTINGS["concurrency"],
                delete_jobs="always",
                install_signal_handlers=False,
                fetch_job_polling_interval=1.0,
            )
        )
        waiting = asyncio.create_task(enough.wait())
        await asyncio.wait({worker, waiting}, return_when=asyncio.FIRST_COMPLETED)
        worker.cancel()  # asks it to stop once the running jobs are done
        await asyncio.gather(worker, waiting, return_exceptions=True)


if __name__ == "__main__":
    job_peer.main(Procrastinate())
