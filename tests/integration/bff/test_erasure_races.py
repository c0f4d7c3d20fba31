"""An erasure and a payment of one member, one transaction begun inside the other: nobody is left in either order."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from bff.app import application
from bff.privacy.jobs import EraseMember, erase_member
from bff.purchases.jobs import FulfilPurchase, fulfil_purchase, send_receipt
from clarivum.clock import SYSTEM_CLOCK
from clarivum.database import WORKER, Database
from clarivum.jobs import Job, Payload, Run, outbox
from tests.integration.bff.conftest import Backend
from tests.integration.bff.stripe_events import checkout, event

SUBJECT, EMAIL = "auth0|alice-7f3a", "alice.sentinel@example.org"
BLOCKED = "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def payment(kind: str = "checkout.session.completed") -> dict[str, Any]:
    return event(kind, checkout("pi_race", subject=SUBJECT, customer_details={"email": EMAIL}))


@asynccontextmanager
async def uncommitted(backend: Backend, job: Job[Any], payload: Payload) -> AsyncIterator[None]:
    """A run whose handler has returned; it commits when the block ends."""
    async with Database(backend.urls.app, pipelines=1, connections=1) as database:
        database.outbox = outbox(application.jobs.values())
        async with database.session(WORKER).transaction() as tx:
            await job(payload, Run(uuid4(), job.name, "key", 1, tx, SYSTEM_CLOCK.monotonic() + 60))
            yield


async def carried_out(backend: Backend, job: Job[Any], payload: Payload) -> None:
    async with uncommitted(backend, job, payload):
        pass


async def begun(backend: Backend, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Let it go as far as it gets beside what is uncommitted."""
    task = asyncio.create_task(work)
    await backend.until(lambda: task.done() or backend.count(BLOCKED), "it is over, or waits for the other one")
    return task


async def member(backend: Backend, *, has_profile: bool = True) -> EraseMember:
    """A member who asked to be erased."""
    caller = backend.bearer(SUBJECT, email=EMAIL)
    if has_profile:
        await backend.client.get("/api/v1/profile", headers=caller)
    return EraseMember(erasure_id=UUID((await backend.client.delete("/api/v1/me", headers=caller)).json()["id"]))


async def paid_for(backend: Backend) -> FulfilPurchase:
    """A payment that was told and not handled."""
    told = payment()
    assert (await backend.webhook(told)).status_code == 200
    return FulfilPurchase(event_id=told["id"], occasion=told["id"])


def nobody_is_left(backend: Backend) -> None:
    for table in ("purchases", "purchase_events", "entitlements", "erasures"):
        assert backend.count(f"public.{table} where subject = %s", SUBJECT) == 0, table
    for table in ("purchases", "purchase_events", "erasures", "profiles"):
        assert backend.count(f"public.{table} where email = %s", EMAIL) == 0, table
    assert backend.count("public.entitlements where status = 'active'") == 0


async def test_an_erasure_that_begins_while_a_purchase_is_fulfilled(backend: Backend) -> None:
    erasure, purchase = await member(backend), await paid_for(backend)
    async with uncommitted(backend, fulfil_purchase, purchase):
        task = await begun(backend, carried_out(backend, erase_member, erasure))
    await task
    nobody_is_left(backend)
    assert backend.count("public.purchases where subject = %s", f"erased:{erasure.erasure_id}") == 1


async def test_a_fulfilment_that_begins_while_the_member_is_erased(backend: Backend) -> None:
    erasure, purchase = await member(backend), await paid_for(backend)
    async with uncommitted(backend, erase_member, erasure):
        task = await begun(backend, carried_out(backend, fulfil_purchase, purchase))
    await task
    nobody_is_left(backend)
    assert backend.count("public.purchase_events where handled_at is null") == 0
    async with backend.working(send_receipt):
        await backend.until(lambda: backend.count("pgmq.q_purchases_send_receipt") == 0, "no receipt waits")
    assert backend.letters() == []


@pytest.mark.parametrize("has_profile", [True, False])
async def test_an_event_that_comes_while_the_member_is_erased(backend: Backend, has_profile: bool) -> None:
    erasure = await member(backend, has_profile=has_profile)
    async with uncommitted(backend, erase_member, erasure):
        task = await begun(backend, backend.webhook(payment()))
    assert (await task).status_code == 200
    nobody_is_left(backend)


@pytest.mark.parametrize("has_profile", [True, False])
async def test_events_that_come_after_the_erasure(backend: Backend, has_profile: bool) -> None:
    erasure = await member(backend, has_profile=has_profile)
    await carried_out(backend, erase_member, erasure)
    told = [payment(), payment("checkout.session.async_payment_succeeded")]
    for one in (*told, told[0]):
        answer: httpx.Response = await backend.webhook(one)
        assert answer.status_code == 200
    async with backend.working(fulfil_purchase):
        await backend.until(lambda: backend.runs("purchases.fulfil") == 2, "both are handled")
    nobody_is_left(backend)
    kept = backend.rows("select payment, amount_minor, handled_at is null as is_open from public.purchase_events")
    assert [tuple(row.values()) for row in kept] == [("pi_race", 4900, False)] * 2


async def test_an_erasure_that_begins_while_an_event_is_stored(backend: Backend) -> None:
    erasure = await member(backend)
    with backend.paused("insert on public.purchase_events") as go_on:
        storing = await begun(backend, backend.webhook(payment()))
        erasing = asyncio.create_task(carried_out(backend, erase_member, erasure))
        await backend.until(lambda: erasing.done() or backend.count(BLOCKED) == 2, "the erasure is over, or waits")
        go_on()
    assert (await storing).status_code == 200
    await erasing
    nobody_is_left(backend)
