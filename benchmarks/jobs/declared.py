"""The jobs that ours is measured on: nothing to do, so that what is left is the platform."""

from collections.abc import Callable
from typing import Any

from clarivum.jobs import Job, Payload, Run, job

BATCH = 100


class Single(Payload):
    """One job that has a transaction of its own."""

    number: int
    sent_at: float


class Batched(Payload):
    """One job that may share its transaction with others."""

    number: int
    sent_at: float


class Starts:
    """Whom the handlers tell that they started; set by the program before the worker runs."""

    tell: Callable[[float], None] = staticmethod(lambda sent_at: None)


@job(Single, name="bench.single", key="number")
async def single(payload: Single, run: Run) -> None:
    """Note the start."""
    Starts.tell(payload.sent_at)


@job(Batched, name="bench.batched", key="number", batch=BATCH)
async def batched(payload: Batched, run: Run) -> None:
    """Note the start."""
    Starts.tell(payload.sent_at)


JOBS: dict[str, Job[Any]] = {"single": single, "batched": batched}
PAYLOADS: dict[str, type[Single] | type[Batched]] = {"single": Single, "batched": Batched}
