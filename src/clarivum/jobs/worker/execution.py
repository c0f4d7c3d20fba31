"""Carrying out claimed runs: the handler, its time limit, and the one transaction of effect and ledger."""

import asyncio
from collections.abc import Sequence
from typing import Any

from clarivum import telemetry
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database import Context, Session, Transaction
from clarivum.jobs.declaration import Job
from clarivum.jobs.external import Answers
from clarivum.jobs.failure import AttemptTimeout, Failure, failure_of, timeout_failure
from clarivum.jobs.instruments import OUTCOMES, START_DELAY
from clarivum.jobs.ledger import Claim
from clarivum.jobs.message import Message, Request
from clarivum.jobs.run import Run
from clarivum.jobs.workbench import Workbench
from clarivum.jobs.worker.settlement import Settlement

log = telemetry.get_logger("clarivum.jobs")

IDLE_MARGIN_S = 5.0
"""How much longer than its time limit a run's transaction may wait for its next statement. Then Postgres ends it, so
that the locks of a process that froze or vanished are gone before another one may take the run over."""


class Executor:
    """Runs handlers. Every method returns with the run settled, unless it is cancelled: then the caller settles it."""

    def __init__(self, bench: Workbench, settlement: Settlement, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._bench = bench
        self._settlement = settlement
        self._clock = clock
        self._sessions: dict[tuple[Job[Any], float], Session] = {}

    async def attempt(self, claim: Claim) -> None:
        """One attempt at one run, in a transaction of its own."""
        job = claim.job
        if claim.attempt > job.attempts:
            lost = Failure("AttemptLost", f"the last of {job.attempts} attempts disappeared with its process", "lost")
            await self._settlement.fail(claim, lost)
            return
        with self._observed(job, claim.message, claim.attempt) as observation:
            failure = await self._carry_out(claim)
            if failure is None:
                self._bench.receipts.add(job, claim.message.id)
                OUTCOMES.add(1, job.name, "done")
                telemetry.write_job_line(observation, job=job.name, run_id=str(claim.run_id), attempt=claim.attempt)
                return
            observation.fail(failure.cause)
            await self._settlement.fail(claim, failure)

    async def batch(self, job: Job[Any], requests: Sequence[Request]) -> list[Request]:
        """Many runs of one job in one transaction. Returns the requests that are left to be claimed one by one: all
        when one of them failed, else those whose run was already taken.
        """
        # Handlers may leave all their statements to the end; others see the messages when the lease is over.
        idle_s = max(job.timeout_s + IDLE_MARGIN_S, self._bench.options.lease_s(job))
        try:
            async with asyncio.timeout(job.timeout_s) as limit, self._session(job, idle_s).transaction() as tx:
                ours = await self._bench.ledger.enter_finished(tx, job, requests)
                for request in ours:
                    limit.reschedule(asyncio.get_running_loop().time() + job.timeout_s)
                    with self._observed(job, request.message, 1):
                        result = await self._handle(job, request, 1, tx)
                    self._bench.ledger.keep_result(tx, job, request.run_id, result)
                if ours:
                    self._bench.transport.acknowledge_with(tx, job, [request.message.id for request in ours])
        except (Exception, AttemptTimeout, asyncio.CancelledError) as error:
            if _is_stopped(error):
                raise
            failure = failure_of(error)
            log.warning("batch failed, trying one by one", job=job.name, runs=len(requests), error=failure.error)
            return list(requests)
        OUTCOMES.add(len(ours), job.name, "done")
        log.info("batch done", job=job.name, runs=len(ours))
        taken = {id(request) for request in ours}
        return [request for request in requests if id(request) not in taken]

    async def _carry_out(self, claim: Claim) -> Failure | None:
        job = claim.job
        limit = asyncio.timeout(job.timeout_s)
        try:
            async with limit, self._session(job, job.timeout_s + IDLE_MARGIN_S).transaction() as tx:
                result = await self._handle(job, claim, claim.attempt, tx)
                self._bench.ledger.keep_result(tx, job, claim.run_id, result)
                self._bench.ledger.finish(tx, claim)
        except AttemptTimeout:
            return timeout_failure(job.timeout_s)
        except TimeoutError as error:
            return timeout_failure(job.timeout_s) if limit.expired() else failure_of(error)
        except (Exception, asyncio.CancelledError) as error:
            if _is_stopped(error):
                raise
            return failure_of(error)
        return None

    def _session(self, job: Job[Any], idle_s: float) -> Session:
        """With the job's own time limit on statements, and `idle_s` between two: Postgres ends what a cancelled handler
        leaves behind, and what a process does that is not there any more."""
        session = self._sessions.get((job, idle_s))
        if session is None:
            context = Context("clarivum_worker", "", int(job.timeout_s * 1_000), int(idle_s * 1_000))
            session = self._sessions[job, idle_s] = self._bench.database.session(context)
        return session

    async def _handle(self, job: Job[Any], request: Request | Claim, attempt: int, tx: Transaction) -> object:
        """The handler itself, under the watchdog's eyes."""
        deadline = self._clock.monotonic() + job.timeout_s
        answers = Answers(self._bench.database, job.name, request.run_id)
        run = Run(request.run_id, job.name, request.key, attempt, tx, deadline, self._clock, answers)
        task = asyncio.current_task()
        assert task is not None
        deadlines = self._bench.watchdog.deadlines
        deadlines[task] = deadline
        try:
            return await job.handler(request.payload, run)
        finally:
            del deadlines[task]

    def _observed(self, job: Job[Any], message: Message, attempt: int) -> telemetry.JobProcess:
        if attempt == 1:
            START_DELAY.record(max(0.0, (self._clock.now() - message.due_at).total_seconds()), job.name)
        headers = message.headers
        return telemetry.job_process(
            job.name,
            job.queue,
            self._bench.transport.system,
            message.id,
            attempt,
            producer_traceparent=headers.get("traceparent"),
            tracestate=headers.get("tracestate"),
            baggage=headers.get("baggage"),
        )


def _is_stopped(error: BaseException) -> bool:
    """Whether the task was cancelled from outside. A CancelledError that nobody asked for is the handler's own failure:
    it awaited something that was cancelled."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
