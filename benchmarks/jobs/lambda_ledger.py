"""What the ledger costs a message in a Lambda function's batch of ten.

    ./clarivum bench ledger

The real handler in this process, on a scratch database: once as it is, once with a ledger that claims without looking
and notes nothing, so that what remains is a transaction a run. Handlers add a row. Batches alternate; the difference is
taken within a pair of them. CPU time is of this process and all of Postgres.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from benchmarks.harness.processes import cpu_seconds
from benchmarks.harness.scratch import Scratch
from clarivum.database import parse_queries
from clarivum.jobs import Job, Payload, Run, job
from clarivum.jobs.lambda_handler import LambdaHandler, lambda_handler
from clarivum.jobs.ledger import Claim, Ledger
from clarivum.jobs.message import Request
from clarivum.settings import Settings

BATCH = 10
AIM_US = 100.0
WORLD = "create table public.noted (key text); grant insert on public.noted to clarivum_worker;"
QUERIES = parse_queries("-- name: note -> none\ninsert into public.noted (key) values (%(key)s);\n", __file__)


class Note(Payload):
    """Something to write down."""

    key: str


class NoteTogether(Payload):
    """The same, ten in a transaction."""

    key: str


@job(Note, name="bench.note", key="key")
async def note(payload: Note, run: Run) -> None:
    """Add a row."""
    run.transaction.defer(QUERIES.note, key=payload.key)


@job(NoteTogether, name="bench.note_together", key="key", batch=BATCH)
async def note_together(payload: NoteTogether, run: Run) -> None:
    """Add a row."""
    run.transaction.defer(QUERIES.note, key=payload.key)


class NoLedger(Ledger):
    """Every message is new, and nothing is kept."""

    async def claim(
        self, job: Job[Any], requests: Sequence[Request], lease_s: float, *, recover: bool = False
    ) -> tuple[list[Claim], list[Any]]:
        token = self._new_token()
        return [Claim(job, each.message, each.payload, each.key, each.run_id, 1, token) for each in requests], []

    def finish(self, tx: Any, claim: Claim) -> None:
        """Nothing."""

    async def enter_finished(self, tx: Any, job: Job[Any], requests: Sequence[Request]) -> list[Request]:
        return list(requests)


@dataclass(frozen=True, slots=True)
class LedgerCost:
    """Microseconds a message, of each pair of batches; `cpu_us` over all of them."""

    what: str
    with_ledger_us: Sequence[float]
    without_us: Sequence[float]
    cpu_us: float

    @property
    def difference_us(self) -> float:
        return median(one - other for one, other in zip(self.with_ledger_us, self.without_us, strict=True))

    @property
    def undisturbed_us(self) -> float:
        """Between the fastest twentieth of each: what other work on the machine disturbed least."""
        return _fast(self.with_ledger_us) - _fast(self.without_us)


def measure(scratch: Scratch, pairs: int = 300, say: Callable[[str], None] = lambda text: None) -> list[LedgerCost]:
    """One transaction a run, and all ten in one."""
    scratch.execute(WORLD)
    own = {"DATABASE_URL": scratch.app_url, "AWS_REGION": "eu-central-1", "CLARIVUM_LOG_LEVEL": "error"}
    settings = Settings.load(own)
    costs = []
    for declared, what in ((note, "a transaction a run"), (note_together, "ten runs a transaction")):
        say(f"{pairs} pairs of batches, {what}")
        costs.append(_compare(scratch, settings, declared, what, pairs))
    return costs


def report(costs: Sequence[LedgerCost]) -> str:
    """A table, and whether the aim is met."""
    heads = ("with", "without", "ledger", "undisturbed", "CPU")
    lines = [f"{'µs a message, medians':<24}" + "".join(f"{head:>14}" for head in heads)]
    for cost in costs:
        shown = (
            median(cost.with_ledger_us),
            median(cost.without_us),
            cost.difference_us,
            cost.undisturbed_us,
            cost.cpu_us,
        )
        lines.append(f"{cost.what:<24}" + "".join(f"{value:>14.0f}" for value in shown))
    met = "met" if costs[0].difference_us <= AIM_US else "not met"
    return "\n".join([*lines, f"aim: the ledger costs at most {AIM_US:.0f} µs a message: {met}"])


def _fast(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 20]


def _compare(scratch: Scratch, settings: Settings, declared: Job[Any], what: str, pairs: int) -> LedgerCost:
    times: dict[bool, list[float]] = {True: [], False: []}
    cpu = {True: 0.0, False: 0.0}
    handlers = {kept: lambda_handler([declared], settings=settings) for kept in (True, False)}
    try:
        for number in range(pairs + 20):
            for kept in (True, False) if number % 2 else (False, True):
                with _ledger(kept):
                    took_s, used_s = _batch(scratch, handlers[kept], declared)
                if number >= 20:  # connections, statements, caches
                    times[kept].append(took_s / BATCH * 1e6)
                    cpu[kept] += used_s
    finally:
        for handler in handlers.values():
            handler.close()
    return LedgerCost(what, times[True], times[False], (cpu[True] - cpu[False]) / pairs / BATCH * 1e6)


@contextmanager
def _ledger(kept: bool) -> Any:
    with patch("clarivum.jobs.lambda_handler.environment.Ledger", Ledger if kept else NoLedger):
        yield


def _batch(scratch: Scratch, handler: LambdaHandler, declared: Job[Any]) -> tuple[float, float]:
    """Wall and CPU seconds of one invocation with ten new messages."""
    records = [
        {
            "messageId": str(uuid4()), "receiptHandle": "r", "body": f'{{"key": "{uuid4()}"}}',
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1764115200000"},
            "eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:eu-central-1:000000000000:{declared.queue}",
        }
        for _ in range(BATCH)
    ]  # fmt: skip
    used_s, began = time.process_time() + cpu_seconds(scratch.server.pid), time.perf_counter()
    answer = handler({"Records": records})
    took_s = time.perf_counter() - began
    if answer["batchItemFailures"]:
        raise RuntimeError(f"{len(answer['batchItemFailures'])} messages of the benchmark failed")
    return took_s, time.process_time() + cpu_seconds(scratch.server.pid) - used_s
