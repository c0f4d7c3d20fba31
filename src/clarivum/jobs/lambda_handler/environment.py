"""What an execution environment keeps from one invocation to the next: connections, and what is known of pauses.

Between two invocations the process is frozen, for a second or for half an hour, and may then be ended without a word.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import asyncio
import random as randomness
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from clarivum import telemetry
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database import Database, DatabaseError
from clarivum.errors import DependencyDownError
from clarivum.jobs.backoff import look_again_s
from clarivum.jobs.declaration import Job, by_name
from clarivum.jobs.lambda_handler.credentials import find
from clarivum.jobs.lambda_handler.deliveries import Deliveries
from clarivum.jobs.lambda_handler.event import Delivery
from clarivum.jobs.lambda_handler.invocation import STOP_RESERVE_S, Invocation
from clarivum.jobs.ledger import Ledger
from clarivum.jobs.message import Message
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.outbox import JobOutbox
from clarivum.jobs.transports.interface import FAILURES
from clarivum.jobs.transports.sqs.calls import SqsCalls, SqsOptions
from clarivum.jobs.transports.sqs.names import sqs_queue_name
from clarivum.jobs.transports.sqs.transport import SqsTransport
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.controls import Controls
from clarivum.jobs.worker.execution import Executor
from clarivum.jobs.worker.flights import Flights
from clarivum.jobs.worker.receipts import Receipts
from clarivum.jobs.worker.settlement import DEFER_S, Settlement
from clarivum.jobs.worker.unit import Units
from clarivum.jobs.worker.watchdog import Watchdog

log = telemetry.get_logger("clarivum.jobs")

CONNECTIONS_BESIDE = 2
"""For claims and settlements, beside one connection for each run."""
RENEW_AFTER_S = 120.0
"""Connections that rested longer are opened anew: networks forget them after some minutes without telling, and one that
nobody answers costs 15 s to find out."""
REPORT_S = 0.75
system_random = randomness.SystemRandom().random
"""Environments restored from one SnapStart snapshot would otherwise all draw the same jitter."""


class Environment:
    """One per process. `invoke` is called on one event loop, once at a time."""

    def __init__(
        self,
        jobs: Iterable[Job[Any]],
        database_url: str,
        sqs_options: SqsOptions,
        options: WorkerOptions,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._jobs = list(by_name(jobs).values())
        self._by_queue = {sqs_queue_name(job.queue, sqs_options.prefix): job for job in self._jobs}
        self._database_url = database_url
        self._options = options
        self._clock = clock
        self._sqs = SqsTransport(sqs_options, calls=SqsCalls(sqs_options, random=system_random, find=find))
        self._database: Database | None = None
        self._controls: Controls | None = None
        self._flights = Flights()
        self._rested_since: datetime | None = None
        self._looked_at: datetime | None = None

    async def invoke(self, received: Sequence[Delivery], remaining_s: Callable[[], float]) -> list[str]:
        """Run what was delivered; returns the ids of the messages that come back."""
        await asyncio.sleep(0)  # read what came for the connections while the process was frozen
        database = await self._connected()
        deliveries = Deliveries(self._sqs, database, received)
        work = self._by_job(deliveries, received)
        try:
            async with asyncio.timeout(max(0.1, remaining_s() - STOP_RESERVE_S)):
                await database.open()
            await self._run(database, deliveries, work, remaining_s)
        except (DatabaseError, DependencyDownError) as error:
            log.warning("jobs wait, the database does not answer", reason=error.log or error.detail)
        except TimeoutError:
            log.warning("jobs wait, the database does not answer", reason="no connection before the deadline")
        self._rested_since = self._clock.now()
        try:
            async with asyncio.timeout(max(0.1, min(remaining_s() / 2, REPORT_S))):
                return await deliveries.report(self._options.backoff, system_random)
        except TimeoutError:
            log.warning("messages come back when the queue's own visibility ends", reason="SQS did not answer in time")
            return deliveries.open_ids()

    async def close(self) -> None:
        if self._database is not None:
            await self._database.close()
        await self._sqs.close()

    # -- steps -------------------------------------------------------------------------------------------------------
    async def _connected(self) -> Database:
        """The database, opened anew after a long rest."""
        rested = self._rested_since is not None and self._clock.now() - self._rested_since
        if self._database is not None and rested and rested >= timedelta(seconds=RENEW_AFTER_S):
            await self._database.close()
            self._sqs.calls.close()
            self._database = None
        if self._database is None:
            connections = self._options.concurrency + CONNECTIONS_BESIDE
            self._database = Database(
                self._database_url, pipelines=1, connections=connections, application_name="clarivum lambda"
            )
            self._controls = Controls(self._database, self._flights, look_s=self._options.control_s)
            self._looked_at = None
        return self._database

    def _by_job(self, deliveries: Deliveries, received: Sequence[Delivery]) -> dict[Job[Any], list[Message]]:
        """Of a queue that no job here has, nothing is judged: a newer version may know it."""
        work: dict[Job[Any], list[Message]] = {}
        for each in received:
            job = self._by_queue.get(each.queue)
            if job is not None:
                work.setdefault(job, []).append(each.message)
                continue
            deliveries.hide(each.message.id, look_again_s(DEFER_S, each.receives))
            log.error("no job of the application has this queue; see CLARIVUM_SQS_QUEUE_PREFIX", queue=each.queue)
        return work

    async def _run(
        self,
        database: Database,
        deliveries: Deliveries,
        work: dict[Job[Any], list[Message]],
        remaining_s: Callable[[], float],
    ) -> None:
        if not work:
            return
        assert self._controls is not None
        database.outbox = JobOutbox(self._jobs, deliveries)
        watchdog = Watchdog()
        receipts = Receipts(deliveries)
        bench = Workbench(
            database, deliveries, Ledger(database), receipts, self._options, watchdog, self._flights, self._controls
        )
        settlement = Settlement(bench, random=system_random)
        units = Units(bench, Executor(bench, settlement), settlement)
        await self._look(self._controls)
        looking = asyncio.create_task(self._controls.run())
        on_main_thread = threading.current_thread() is threading.main_thread()
        if on_main_thread:
            watchdog.start()
        try:
            await Invocation(bench, settlement, units, remaining_s).run(work)
        finally:
            if on_main_thread:
                watchdog.stop()
            looking.cancel()
        if deliveries.has_sent:
            await self._relay(database, remaining_s)

    async def _look(self, controls: Controls) -> None:
        now = self._clock.now()
        if self._looked_at is None or now - self._looked_at >= timedelta(seconds=self._options.control_s):
            await controls.look()
            self._looked_at = now

    async def _relay(self, database: Database, remaining_s: Callable[[], float]) -> None:
        """Send what handlers enqueued. What does not leave now is sent by the next one, or by a relay."""
        from clarivum.jobs.transports.sqs.relay import Relay  # noqa: PLC0415 - few functions send

        try:
            async with asyncio.timeout(max(0.0, min(remaining_s() / 2, 5.0))):
                await Relay(self._sqs, database, self._jobs, random=system_random).drain()
        except TimeoutError:
            log.warning("enqueued jobs wait in the outbox", reason="no time was left to send them")
        except FAILURES as error:
            log.warning("enqueued jobs wait in the outbox", reason=error.log or error.detail)


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: a third less time for a message."""
    with suppress(ImportError):
        from uvloop import new_event_loop  # noqa: PLC0415 - Windows has none

        return new_event_loop()
    return asyncio.new_event_loop()
