"""Jobs with a queue, without one, and in no feature."""

from clarivum.jobs import Payload, Run, job


class First(Payload):
    """A payload."""

    number: int


class Second(Payload):
    """A payload."""

    number: int


class Third(Payload):
    """A payload."""

    number: int


@job(First, name="notes.with_queue", key="number", timeout_s=5)
async def with_queue(payload: First, run: Run) -> None:
    """Its queue is made by the migration."""


@job(Second, name="notes.without_queue", key="number", timeout_s=5)
async def without_queue(payload: Second, run: Run) -> None:
    """Its queue is not."""


@job(Third, name="notes.forgotten", key="number", timeout_s=5)
async def forgotten_job(payload: Third, run: Run) -> None:
    """Stand in no feature."""
