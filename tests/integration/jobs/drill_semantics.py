"""Jobs of the drill that declare limits, priorities, windows, results and effects outside the database."""

import asyncio
import os
import signal
import time
from pathlib import Path

from clarivum.jobs import Payload, Result, Run, job
from tests.integration.jobs.drill_jobs import QUERIES


class Narrow(Payload):
    """A run that takes a while, of which only some may go on at once."""

    key: str
    seconds: float = 0.05
    kills_first: bool = False


class Paced(Payload):
    key: str


class PacedBatch(Payload):
    key: str


class Urgent(Payload):
    key: str
    seconds: float = 0.01


class Ordinary(Payload):
    key: str
    seconds: float = 0.01


class Windowed(Payload):
    key: str
    fails: bool = False


class Counting(Payload):
    key: str
    size: int = 1
    wrong: bool = False


class CountingBatch(Payload):
    key: str


class Refund(Payload):
    key: str
    fails_until: int = 0
    kill: str = ""
    answer_bytes: int = 1


class Counted(Result):
    """What a counting run leaves behind."""

    letters: str
    attempt: int


@job(Narrow, name="drill.narrow", key="key", limit=3, timeout_s=5)
async def narrow(payload: Narrow, run: Run) -> None:
    began = time.monotonic()
    if payload.kills_first and run.attempt == 1:
        _note("dying", run, str(began))
        os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(payload.seconds)
    await _effect(run)
    _note("span", run, f"{began} {time.monotonic()}")


@job(Paced, name="drill.paced", key="key", rate="20/second")
async def paced(payload: Paced, run: Run) -> None:
    _note("start", run, str(time.monotonic()))
    await _effect(run)


@job(PacedBatch, name="drill.paced_batch", key="key", rate="20/second", batch=10)
async def paced_batch(payload: PacedBatch, run: Run) -> None:
    _note("start", run, str(time.monotonic()))
    await _effect(run)


@job(Urgent, name="drill.urgent", key="key", priority="high")
async def urgent(payload: Urgent, run: Run) -> None:
    await asyncio.sleep(payload.seconds)
    await _effect(run)


@job(Ordinary, name="drill.ordinary", key="key", priority="low")
async def ordinary(payload: Ordinary, run: Run) -> None:
    await asyncio.sleep(payload.seconds)
    await _effect(run)


@job(Windowed, name="drill.windowed", key="key", unique_s=3_600, attempts=1)
async def windowed(payload: Windowed, run: Run) -> None:
    if payload.fails:
        raise LookupError("not yet")
    await _effect(run)


@job(Counting, name="drill.counting", key="key", attempts=2)
async def counting(payload: Counting, run: Run) -> Counted:
    if payload.wrong:
        return Counted.model_construct(letters=7, attempt=run.attempt)
    await _effect(run)
    return Counted(letters="x" * payload.size, attempt=run.attempt)


@job(CountingBatch, name="drill.counting_batch", key="key", batch=20)
async def counting_batch(payload: CountingBatch, run: Run) -> Counted:
    return Counted(letters=payload.key, attempt=run.attempt)


@job(Refund, name="drill.refund", key="key", timeout_s=2)
async def refund(payload: Refund, run: Run) -> None:
    async def call(key: str) -> dict[str, str]:
        if payload.kill == "before" and run.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        _note("call", run, key)
        if payload.kill == "between" and run.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"refund": "r" * payload.answer_bytes, "attempt": str(run.attempt)}

    answer = await run.once("partner.refund", call)
    _note("answer", run, answer["attempt"])
    if payload.kill == "after" and run.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if run.attempt <= payload.fails_until:
        raise LookupError("the other half is not there yet")
    await _effect(run)


JOBS = [narrow, paced, paced_batch, urgent, ordinary, windowed, counting, counting_batch, refund]


async def _effect(run: Run) -> None:
    await run.transaction.execute(
        QUERIES.add_effect, job=run.job, key=run.key, attempt=run.attempt, pid=os.getpid(), trace_id=None
    )


def _note(what: str, run: Run, text: str) -> None:
    """Tell the test, outside any transaction."""
    if folder := os.environ.get("DRILL_NOTES"):
        Path(folder, f"{what}.{run.key}.{run.attempt}.{os.getpid()}").write_text(text)
