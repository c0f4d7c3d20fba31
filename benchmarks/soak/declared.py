"""The jobs of the soak: each adds one row to public.soak_effects, and kills its process at a hook when told to."""

import asyncio
import os
import signal

from clarivum.database import parse_queries
from clarivum.jobs import Payload, Run, job

ATTEMPTS = 25
"""The most a job may have: here attempts are lost on purpose, and a dead letter would be a lost job."""
WORK_S = 0.004
"""What a handler takes beside its statement, so that there is something to interrupt."""
BATCH = 20

WORLD = """
create table public.soak_orders (number integer primary key);
create table public.soak_effects (
    id bigint generated always as identity primary key,
    number integer not null, attempt integer not null, at timestamptz not null default clock_timestamp()
);
grant select, insert on public.soak_orders, public.soak_effects to clarivum_worker;
"""

QUERIES = parse_queries(
    """
-- name: add_order -> none
insert into public.soak_orders (number) values (%(number)s) on conflict do nothing;

-- name: add_effect -> none
insert into public.soak_effects (number, attempt) values (%(number)s, %(attempt)s);
""",
    __file__,
)

BEFORE_EFFECT = "before the effect"
BEFORE_COMMIT = "after the effect, before its commit"
BEFORE_ACKNOWLEDGEMENT = "after the commit, before the acknowledgement"
HOOKS = (BEFORE_EFFECT, BEFORE_COMMIT, BEFORE_ACKNOWLEDGEMENT)


class Order(Payload):
    """One job with a transaction of its own."""

    number: int


class BatchedOrder(Payload):
    """One job that may share its transaction with others."""

    number: int


class Fate:
    """At which hook this process ends itself; None: it lives on."""

    hook: str | None = None
    said = False

    @classmethod
    def say_once(cls) -> None:
        """Tell who started this process that it has work, so that no fault is spent on an idle one."""
        if not cls.said:
            cls.said = True
            print("working", flush=True)


@job(Order, name="soak.single", key="number", timeout_s=5, attempts=ATTEMPTS)
async def single(payload: Order, run: Run) -> None:
    """Add the effect."""
    await _effect(payload.number, run)


@job(BatchedOrder, name="soak.batched", key="number", timeout_s=5, attempts=ATTEMPTS, batch=BATCH)
async def batched(payload: BatchedOrder, run: Run) -> None:
    """Add the effect."""
    await _effect(payload.number, run)


JOBS = [single, batched]


def payload_of(number: int) -> Order | BatchedOrder:
    """Half of the jobs are batched."""
    return Order(number=number) if number % 2 else BatchedOrder(number=number)


async def _effect(number: int, run: Run) -> None:
    Fate.say_once()
    run.transaction.on_commit(lambda: _end_at(BEFORE_ACKNOWLEDGEMENT))
    await asyncio.sleep(WORK_S)
    _end_at(BEFORE_EFFECT)
    await run.transaction.execute(QUERIES.add_effect, number=number, attempt=run.attempt)
    _end_at(BEFORE_COMMIT)


def _end_at(hook: str) -> None:
    if Fate.hook == hook:
        os.kill(os.getpid(), signal.SIGKILL)
