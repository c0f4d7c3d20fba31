"""`clarivum jobs work`: a worker as a process of its own, from settings to signals."""

import asyncio
import signal
from collections.abc import Coroutine, Iterable
from typing import Any

from clarivum import telemetry
from clarivum.database import Database
from clarivum.jobs.declaration import Job
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.transports.choice import transport_for
from clarivum.jobs.worker.arrival import open_when_there
from clarivum.jobs.worker.watchdog import Watchdog
from clarivum.jobs.worker.worker import Worker, connections_for
from clarivum.settings import Settings

try:
    from uvloop import run as run_loop
except ImportError:  # Windows

    def run_loop(main: Coroutine[Any, Any, None]) -> None:  # type: ignore[misc]
        asyncio.run(main)


def work(
    jobs: Iterable[Job[Any]], settings: Settings, *, database_url: str, options: WorkerOptions | None = None
) -> None:
    """Run these jobs until SIGTERM or SIGINT, then drain. Call on the main thread.

    A database that is away is waited for. Raises ConfigurationError when it refuses the login, the login evades
    row-level security, or a queue is missing.
    """
    telemetry.configure(settings, role="worker")
    try:
        chosen = options or WorkerOptions(concurrency=settings.job_concurrency)
        run_loop(_work(list(jobs), settings, database_url, chosen))
    finally:
        telemetry.shutdown()


async def _work(jobs: list[Job[Any]], settings: Settings, database_url: str, options: WorkerOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    database = Database(
        database_url,
        pipelines=1,
        connections=connections_for(options, len(jobs)),
        application_name="clarivum worker",
    )
    if not await open_when_there(database, stop):
        return
    async with database:
        watchdog = Watchdog()
        watchdog.start()
        try:
            transport = transport_for(settings, database)
            await Worker(jobs, database, options, watchdog=watchdog, transport=transport).run(stop)
        finally:
            watchdog.stop()
