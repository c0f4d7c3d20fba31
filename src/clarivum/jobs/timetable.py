"""When the attempts at a job's run begin if each fails, and when it is a dead letter. Pure: nothing is looked up."""

from dataclasses import dataclass
from typing import Any

from clarivum.jobs.backoff import Backoff
from clarivum.jobs.declaration import Job

DEFAULT_BACKOFF = Backoff()
DEFAULT_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since the first attempt began.

    `earliest`: every attempt fails at once and draws no wait. `expected`: fails at once and draws the mean wait.
    `latest`: is ended by its timeout, draws the longest wait, and is begun a poll after it was due. On top of all three
    comes waiting for a place, a permit or a token where those are scarce.
    """

    earliest_s: float
    expected_s: float
    latest_s: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `wait_s`: the longest wait before it, drawn evenly from 0 s up."""

    number: int
    wait_s: int
    begins: Moment


@dataclass(frozen=True, slots=True)
class Timetable:
    """Of one job. `lost_s`: what an attempt takes whose process disappears: until its lease is over."""

    job: str
    attempts: tuple[Attempt, ...]
    dead: Moment
    """When the last attempt has failed."""
    timeout_s: float
    lost_s: int


def timetable_of(job: Job[Any], backoff: Backoff = DEFAULT_BACKOFF, *, poll_s: float = DEFAULT_POLL_S) -> Timetable:
    """The retries of a job under a backoff. `poll_s`: how late a worker notices that a message is due."""
    rows: list[Attempt] = []
    begins, wait_s = Moment(0.0, 0.0, 0.0), 0
    for number in range(1, job.attempts + 1):
        rows.append(Attempt(number, wait_s, begins))
        wait_s = longest_wait_s(backoff, number)
        begins = Moment(
            begins.earliest_s,
            begins.expected_s + mean_wait_s(backoff, number),
            begins.latest_s + job.timeout_s + wait_s + poll_s,
        )
    last = rows[-1].begins
    dead = Moment(last.earliest_s, last.expected_s, last.latest_s + job.timeout_s)
    return Timetable(job.name, tuple(rows), dead, job.timeout_s, job.visibility_s)


def longest_wait_s(backoff: Backoff, attempt: int) -> int:
    """The longest that `Backoff.delay_s` draws after this attempt."""
    return backoff.delay_s(attempt, lambda: 1 - 2**-53)


def mean_wait_s(backoff: Backoff, attempt: int) -> float:
    """The mean of what `Backoff.delay_s` draws, which rounds up to whole seconds."""
    ceiling_s = backoff.ceiling_s(attempt)
    whole = int(ceiling_s)
    # 1, 2, … whole with the chance 1/ceiling each, and whole + 1 with what is left of it
    return (whole * (whole + 1) / 2 + (ceiling_s - whole) * (whole + 1)) / ceiling_s if ceiling_s else 0.0
