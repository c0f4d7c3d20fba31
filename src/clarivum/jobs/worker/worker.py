"""The worker: one process that runs an application's jobs until it is told to stop.

NOTIFY or a poll ──► Lane: fetch, claim ──► Executor: handler + ledger in one transaction ──► done
                                               └─ failed ──► Settlement: retry with backoff, or dead letter
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from clarivum import telemetry
from clarivum.database import Database
from clarivum.errors import ConfigurationError
from clarivum.jobs.declaration import Job, by_name
from clarivum.jobs.instruments import RUNNING
from clarivum.jobs.ledger import Ledger
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.outbox import JobOutbox
from clarivum.jobs.scheduler import Scheduler
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.pgmq import PgmqTransport
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.arrival import when_there
from clarivum.jobs.worker.controls import Controls
from clarivum.jobs.worker.execution import Executor
from clarivum.jobs.worker.flights import Flights, Stop
from clarivum.jobs.worker.housekeeping import Heartbeat, Housekeeping
from clarivum.jobs.worker.lane import Lane
from clarivum.jobs.worker.receipts import Receipts
from clarivum.jobs.worker.settlement import Settlement
from clarivum.jobs.worker.slots import Slots
from clarivum.jobs.worker.unit import Units
from clarivum.jobs.worker.watchdog import Watchdog

log = telemetry.get_logger("clarivum.jobs")

LAST_LOOK_S = 1.0
HOW_TO_CREATE = {
    "pgmq": "each is created by a migration: select clarivum.create_queue('<queue>')",
    "aws_sqs": "`clarivum jobs template` declares them for a deployment, `clarivum jobs queues --create` makes them",
}
"""By the transport's system."""
HAND_BACK_S = 2.0


class Worker:
    """`database` is open and has the connections that `connections_for` says. `watchdog`: started by whoever owns the
    process; without one, a handler that blocks the event loop blocks the worker.
    """

    def __init__(
        self,
        jobs: Iterable[Job[Any]],
        database: Database,
        options: WorkerOptions | None = None,
        *,
        watchdog: Watchdog | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.jobs = list(by_name(jobs).values())
        self.options = options or WorkerOptions()
        self._database = database
        self._transport: Transport = transport or PgmqTransport(database)
        outbox = JobOutbox(self.jobs, self._transport)
        if database.outbox is None:
            database.outbox = outbox
        flights = Flights()
        self.controls = Controls(database, flights, look_s=self.options.control_s)
        self._bench = bench = Workbench(
            database,
            self._transport,
            Ledger(database),
            Receipts(self._transport),
            self.options,
            watchdog or Watchdog(),
            flights,
            self.controls,
        )
        settlement = Settlement(bench)
        units = Units(bench, Executor(bench, settlement), settlement)
        slots = Slots(self.options.concurrency)
        self._lanes = {
            job.queue: Lane(job, bench, settlement, units, slots, share=self.options.share(job, len(self.jobs)))
            for job in self.jobs
        }
        self._heartbeat = Heartbeat(bench)
        self._housekeeping = Housekeeping(self.jobs, database, self._transport)
        self._scheduler = Scheduler(self.jobs, database, outbox)

    def running(self) -> int:
        """How many runs are in progress."""
        return sum(len(lane.places.running) for lane in self._lanes.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then let what runs finish within the grace time and hand the rest back.

        Raises ConfigurationError when a queue is missing.
        """
        if not self.jobs:
            log.info("worker ready", jobs=0, concurrency=self.options.concurrency)
            await stop.wait()
            return
        try:
            if not await when_there(self._find_queues, stop, "the queues"):
                await self._transport.close()
                return
        except ConfigurationError:
            await self._transport.close()
            raise
        end_observation = RUNNING.observe(
            lambda: [(len(lane.places.running), (lane.job.name,)) for lane in self._lanes.values()]
        )
        await self.controls.look()
        lanes = [asyncio.create_task(lane.run(), name=f"lane {queue}") for queue, lane in self._lanes.items()]
        others = self._side_tasks()
        stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        log.info("worker ready", jobs=len(self.jobs), concurrency=self.options.concurrency)
        try:
            await asyncio.wait([stopping, *lanes, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in (*lanes, *others):
                if task.done():
                    task.result()  # only an error ends one of them before the stop
        finally:
            await self._drain(lanes)
            for task in (stopping, *others):
                task.cancel()
            await asyncio.gather(stopping, *others, return_exceptions=True)
            end_observation()

    async def _find_queues(self) -> None:
        if missing := await self._transport.missing(self.jobs):
            raise ConfigurationError(f"no queue for {', '.join(missing)}; {HOW_TO_CREATE[self._transport.system]}")

    def _side_tasks(self) -> list["asyncio.Task[None]"]:
        tasks = [
            asyncio.create_task(self._housekeeping.run(), name="housekeeping"),
            asyncio.create_task(self.controls.run(), name="controls"),
        ]
        limited = [lane.admission for lane in self._lanes.values() if lane.admission is not None]
        tasks += [asyncio.create_task(admission.run(), name="permits") for admission in limited]
        tasks += [asyncio.create_task(task, name="transport") for task in self._transport.side_tasks(self.jobs)]
        if self._transport.channel is not None:
            tasks.append(asyncio.create_task(self._listen(self._transport.channel), name="listen"))
        if self.options.heartbeat:
            tasks.append(asyncio.create_task(self._heartbeat.run(self.jobs), name="heartbeat"))
        if any(job.schedule for job in self.jobs):
            tasks.append(asyncio.create_task(self._scheduler.run(), name="scheduler"))
        return tasks

    async def _listen(self, channel: str) -> None:
        """Wake the lane whose queue has something new; all of them when notifications may have been missed."""
        async for queue in self._database.listen(channel):
            if queue is None:
                for lane in self._lanes.values():
                    lane.wake.set()
            elif (lane_of_queue := self._lanes.get(queue)) is not None:
                lane_of_queue.wake.set()

    async def _drain(self, lanes: list["asyncio.Task[None]"]) -> None:
        """SIGTERM's way out: no new work, the grace time for what runs, then cancel and hand back."""
        stops = [asyncio.create_task(lane.stop()) for lane in self._lanes.values()]
        await asyncio.wait([*lanes, *stops], timeout=self._transport.wait_s + LAST_LOOK_S)
        running = [task for lane in self._lanes.values() for task in lane.places.running]
        if running:
            log.info("worker draining", runs=len(running), grace_s=self.options.grace_s)
            _, running_still = await asyncio.wait(running, timeout=self.options.grace_s)
            if running_still:
                self._bench.flights.stop_all(Stop.DRAINING)
                _, stuck = await asyncio.wait(running_still, timeout=HAND_BACK_S)
                log.warning("worker handed back unfinished runs", runs=len(running_still), stuck=len(stuck))
                for task in stuck:
                    task.cancel()
        for task in (*lanes, *stops):
            task.cancel()
        await asyncio.gather(*lanes, *stops, return_exceptions=True)
        for lane in self._lanes.values():
            if lane.admission is not None:
                await lane.admission.close()
        await self._bench.receipts.close()
        await self._transport.close()
        log.info("worker stopped")


def connections_for(options: WorkerOptions, jobs: int) -> int:
    """Connections of one's own that a worker needs: one per run, and some for looking into queues and settling."""
    return options.concurrency + min(jobs, 8) + 2
