"""Jobs without a key, without a timeout, and with both."""

from clarivum.jobs import Payload, Run, job


class Number(Payload):
    """A payload."""

    number: int


@job(Number, name="notes.complete", key="number", timeout_s=5)
async def complete(payload: Number, run: Run) -> None:
    """Say everything."""


@job(Number, name="notes.timeless", key="number")
async def timeless(payload: Number, run: Run) -> None:
    """Do not say how long it may take."""


@job(Number, timeout_s=5)
async def keyless(payload: Number, run: Run) -> None:
    """Do not say which runs are the same."""
