"""The timetable of every job's retries, and that the real settlement keeps to it, on a virtual clock."""

import random
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from bff.app import application
from clarivum.cli.jobs import app
from clarivum.jobs import Job
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.failure import Failure
from clarivum.jobs.ledger import Claim
from clarivum.jobs.message import Message
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.timetable import longest_wait_s, mean_wait_s, timetable_of
from clarivum.jobs.worker.settlement import Settlement
from tests.integration.jobs.drill_jobs import JOBS
from tests.integration.jobs.drill_semantics import JOBS as SEMANTIC_JOBS

EVERY_JOB = [*application.jobs.values(), *JOBS, *SEMANTIC_JOBS]
FAILURE = Failure("LookupError", "not there", LookupError("not there"))
ALMOST_ONE = 1 - 2**-53


class VirtualQueue:
    """One run whose every attempt fails: its queue, its ledger and its database, on a clock that jumps."""

    def __init__(self, job: Job[Any], draw: Callable[[], float]) -> None:
        self.now_s = self.due_s = 0.0
        self.is_dead = False
        self._job = job
        bench: Any = SimpleNamespace(options=WorkerOptions(), database=self, transport=self, ledger=self)
        self._settlement = Settlement(bench, random=draw)

    async def attempts(self, *, lasts_s: float, noticed_after_s: float) -> list[float]:
        """When each began. Afterwards the run is dead, and `now_s` is when it died."""
        begun: list[float] = []
        while not self.is_dead:
            begun.append(self.now_s)
            self.now_s += lasts_s
            message = Message("1", "{}", datetime(2026, 1, 1, tzinfo=UTC), len(begun), {})
            claim = Claim(self._job, message, None, "a", UUID(int=1), len(begun), UUID(int=2))  # type: ignore[arg-type]
            await self._settlement.fail(claim, FAILURE)
            if not self.is_dead:
                self.now_s = self.due_s + noticed_after_s
        return begun

    # what the settlement asks of database, ledger and transport
    def session(self, context: object) -> "VirtualQueue":
        return self

    @asynccontextmanager
    async def transaction(self) -> Any:
        yield self

    async def retry(self, tx: object, claim: Claim, failure: Failure, delay_s: int) -> bool:
        self.due_s = self.now_s + delay_s
        return True

    async def bury(self, tx: object, claim: Claim, failure: Failure) -> bool:
        self.is_dead = True
        return True

    def postpone_with(self, tx: object, job: Job[Any], message_ids: list[str], delay_s: int) -> None:
        assert self.now_s + delay_s == self.due_s, "the message is seen when its run may be claimed"

    def acknowledge_with(self, tx: object, job: Job[Any], message_ids: list[str]) -> None:
        assert self.is_dead


@pytest.mark.parametrize("job", EVERY_JOB, ids=lambda job: job.name)
async def test_the_settlement_keeps_to_the_timetable(job: Job[Any]) -> None:
    table = timetable_of(job)
    assert len(table.attempts) == job.attempts
    for draw, lasts_s, noticed_after_s, column in (
        (lambda: 0.0, 0.0, 0.0, "earliest_s"),
        (lambda: ALMOST_ONE, job.timeout_s, 1.0, "latest_s"),
    ):
        run = VirtualQueue(job, draw)
        begun = await run.attempts(lasts_s=lasts_s, noticed_after_s=noticed_after_s)
        assert begun == pytest.approx([getattr(attempt.begins, column) for attempt in table.attempts])
        assert run.now_s == pytest.approx(getattr(table.dead, column))


@pytest.mark.parametrize("job", EVERY_JOB, ids=lambda job: job.name)
async def test_drawn_waits_lie_within_the_timetable_and_have_its_mean(job: Job[Any]) -> None:
    table, drawn = timetable_of(job), random.Random(7)
    sums, runs = [0.0] * job.attempts, 400
    for _ in range(runs):
        begun = await VirtualQueue(job, drawn.random).attempts(lasts_s=0.0, noticed_after_s=0.0)
        for number, at in enumerate(begun):
            assert table.attempts[number].begins.earliest_s <= at <= table.attempts[number].begins.latest_s
            sums[number] += at
    for total, attempt in zip(sums, table.attempts, strict=True):
        assert total / runs == pytest.approx(attempt.begins.expected_s, rel=0.08)


def test_the_default_job_is_given_up_within_a_minute_and_a_half() -> None:
    """Five attempts, waits below 2, 4, 8 and 16 s: what the guide says, in numbers."""
    [job] = [job for job in application.jobs.values() if job.name == "leads.enrich"]
    table = timetable_of(job)
    assert [attempt.wait_s for attempt in table.attempts] == [0, 2, 4, 8, 16]
    assert [attempt.begins.expected_s for attempt in table.attempts] == [0, 1.5, 4.0, 8.5, 17.0]
    assert (table.dead.earliest_s, table.dead.latest_s, table.lost_s) == (0, 5 * 10 + 30 + 4 * 1, 60)


def waits(backoff: Backoff, attempt: int) -> Iterator[int]:
    drawn = random.Random(1)
    return (backoff.delay_s(attempt, drawn.random) for _ in range(20_000))


@pytest.mark.parametrize(
    ("backoff", "attempt"),
    [(Backoff(), 1), (Backoff(), 25), (Backoff(base_s=0), 3), (Backoff(base_s=0.5), 1), (Backoff(base_s=2.5), 2)],
)
def test_longest_and_mean_wait_are_those_of_the_backoff(backoff: Backoff, attempt: int) -> None:
    drawn = list(waits(backoff, attempt))
    assert max(drawn) <= longest_wait_s(backoff, attempt) <= 900
    assert sum(drawn) / len(drawn) == pytest.approx(mean_wait_s(backoff, attempt), rel=0.03)


def test_the_command_shows_one_job_or_all() -> None:
    one = CliRunner().invoke(app, ["timetable", "leads.enrich"])
    assert one.exit_code == 0, one.output
    assert "leads.enrich: 5 attempts of at most 10 s" in one.output
    assert [line.split()[0] for line in one.output.splitlines()[2:]] == ["attempt"] * 5 + ["dead", "an"]
    every = CliRunner().invoke(app, ["timetable", "--format", "json"])
    assert every.exit_code == 0
    for name in application.jobs:
        assert f'"{name}"' in every.output
