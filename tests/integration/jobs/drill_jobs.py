"""Jobs that misbehave on request, and the one thing each of them does: add a row to public.effects."""

import asyncio
import os
import signal
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, field_validator

from clarivum.database import parse_queries
from clarivum.jobs import Payload, Run, TerminalError, job
from clarivum.telemetry import current_context

QUERIES = parse_queries(
    """
-- name: add_effect -> none
insert into public.effects (job, key, attempt, pid, trace_id)
values (%(job)s, %(key)s, %(attempt)s, %(pid)s, %(trace_id)s);

-- name: lock -> one, writes
select pg_advisory_xact_lock(hashtext(%(key)s))::text as locked;
""",
    __file__,
)

WORLD = """
create table public.effects (
    id bigint generated always as identity primary key,
    job text not null, key text not null, attempt integer not null, pid integer not null, trace_id text,
    at timestamptz not null default clock_timestamp()
);
grant select, insert on public.effects to clarivum_worker, anon;
"""

Deed = Literal[
    "effect", "kill", "kill_after_commit", "fail", "give_up", "sleep", "spin", "block", "sleep_then_effect",
    "cancelled", "lock_then_freeze",
]  # fmt: skip


class Act(Payload):
    """What to do, up to which attempt; later attempts just have their effect."""

    key: str
    do: Deed = "effect"
    up_to_attempt: int = 1_000
    seconds: float = 60.0


class Quick(Payload):
    key: str


class Bulk(Payload):
    """`seconds`: how long it takes; `stubborn`: it swallows its cancellation; `cancelled`: it awaits something that is
    cancelled."""

    key: str
    fails: bool = False
    cancelled: bool = False
    stubborn: bool = False
    seconds: float = 0.0


class Listed(Payload):
    """Its validator knows some keys, and forgot that there are others."""

    key: str

    @field_validator("key")
    @classmethod
    def _known(cls, key: str) -> str:
        return {"a": "a"}[key]


class Fragile(Payload):
    key: str
    do: Deed = "effect"


class Slow(Payload):
    key: str
    do: Deed = "effect"
    up_to_attempt: int = 1_000
    seconds: float = 60.0


class Tick(Payload):
    due_at: AwareDatetime


class Upgraded(Payload):
    """Version 2 of a payload."""

    schema_version = 2
    key: UUID


@job(Act, name="drill.act", key="key", timeout_s=0.6)
async def act(payload: Act, run: Run) -> None:
    await _do(payload.do if run.attempt <= payload.up_to_attempt else "effect", payload.seconds, run)


@job(Quick, name="drill.quick", key="key")
async def quick(payload: Quick, run: Run) -> None:
    await _effect(run)


@job(Bulk, name="drill.bulk", key="key", batch=20, attempts=2)
async def bulk(payload: Bulk, run: Run) -> None:
    await _effect(run)
    with suppress(asyncio.CancelledError) if payload.stubborn else nullcontext():
        await asyncio.sleep(payload.seconds)
    if payload.cancelled:
        await _cancelled()
    if payload.fails:
        raise ValueError("this one never works")


@job(Fragile, name="drill.fragile", key="key", attempts=2, timeout_s=5)
async def fragile(payload: Fragile, run: Run) -> None:
    await _do(payload.do, 0, run)


@job(Slow, name="drill.slow", key="key", timeout_s=30)
async def slow(payload: Slow, run: Run) -> None:
    await _do(payload.do if run.attempt <= payload.up_to_attempt else "effect", payload.seconds, run)


@job(Tick, name="drill.tick", key="due_at", schedule="* * * * * *", missed="once")
async def tick(payload: Tick, run: Run) -> None:
    await _effect(run)


@job(Upgraded, name="drill.upgraded", key="key")
async def upgraded(payload: Upgraded, run: Run) -> None:
    await _effect(run)


@job(Listed, name="drill.listed", key="key")
async def listed(payload: Listed, run: Run) -> None:
    await _effect(run)


JOBS = [act, quick, bulk, fragile, slow, tick, upgraded, listed]


async def _do(deed: Deed, seconds: float, run: Run) -> None:
    _note(run, deed)
    match deed:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "kill_after_commit":
            run.transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
        case "fail":
            raise LookupError("no such lead: somebody@example.com")
        case "give_up":
            raise TerminalError("the account was closed")
        case "sleep":
            await asyncio.sleep(seconds)
        case "sleep_then_effect":
            await asyncio.sleep(seconds)
        case "spin":
            while True:
                pass
        case "cancelled":
            await _cancelled()
        case "lock_then_freeze":
            await run.transaction.one(QUERIES.lock, key=run.key)
            if run.attempt == 1:
                os.kill(os.getpid(), signal.SIGSTOP)
        case "block":
            signal.sigtimedwait([signal.SIGUSR1], seconds)
    await _effect(run)


async def _cancelled() -> None:
    """As a client does that was closed while it is used."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    answer.cancel()
    await answer


async def _effect(run: Run) -> None:
    context = current_context()
    trace_id = None if context is None else f"{context.trace_id:032x}"
    await run.transaction.execute(
        QUERIES.add_effect, job=run.job, key=run.key, attempt=run.attempt, pid=os.getpid(), trace_id=trace_id
    )


def _note(run: Run, deed: str) -> None:
    """Tell the test, outside any transaction, that an attempt has begun."""
    if folder := os.environ.get("DRILL_NOTES"):
        Path(folder, f"{run.key}.{run.attempt}.{os.getpid()}").write_text(deed)
