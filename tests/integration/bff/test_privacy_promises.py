"""What was promised to a member is done even where the first run of it was given up."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from bff.privacy.jobs import ReconcilePrivacy, erase_member, export_data, reconcile_privacy
from clarivum.jobs import Job
from clarivum.jobs.message import run_id_of, window_of
from tests.integration.bff.conftest import Backend

ALICE, BOB = "auth0|alice", "auth0|bob"
NIGHTS = [ReconcilePrivacy(due_at=datetime(2026, 11, day, 2, 45, tzinfo=UTC)) for day in (26, 27)]
HOURS_AGO = datetime.fromtimestamp(time.time() - 7_200, UTC)


async def given_up_hours_ago(backend: Backend, job: Job[Any], table: str, column: str, key: str) -> None:
    """Every attempt at the run really fails, and then it is as if all of it had been two hours ago."""
    backend.rows(
        f"create function public.fail() returns trigger language plpgsql as $$ begin raise 'broken'; end $$;"
        f"create trigger fail before update on {table} for each row execute function public.fail()"
    )
    backend.rows(f"update pgmq.q_{job.queue} set vt = now()")
    async with backend.working(job):
        await backend.until(lambda: backend.count("clarivum.dead_letters"), "the run is given up")
    backend.rows(f"drop trigger fail on {table}; drop function public.fail()")
    backend.rows(f"update {table} set {column} = %s", HOURS_AGO)
    earlier = run_id_of(job.name, key, window_of(job, HOURS_AGO))
    for ledger in ("clarivum.job_runs", "clarivum.dead_letters"):
        backend.rows(f"update {ledger} set run_id = %s", earlier)


async def reconciled(backend: Backend, job: Job[Any]) -> None:
    """Two nights: the first asks again, the second finds it done."""
    async with backend.working(job, reconcile_privacy):
        await backend.enqueue(NIGHTS[0])
        await backend.until(lambda: backend.runs(job.name), "it is done in another run")
        await backend.enqueue(NIGHTS[1])
        await backend.until(lambda: backend.runs("privacy.reconcile") == 2, "the next night is over")
    assert backend.runs(job.name) == 1


async def test_a_file_whose_run_was_given_up_is_made_the_next_night(backend: Backend) -> None:
    alice, bob = backend.bearer(ALICE), backend.bearer(BOB)
    asked = (await backend.client.post("/api/v1/me/export", headers=alice)).json()
    await given_up_hours_ago(backend, export_data, "public.data_exports", "created_at", asked["id"])
    await backend.client.post("/api/v1/me/export", headers=bob)
    backend.rows("select pgmq.purge_queue('privacy_export_data')")
    await reconciled(backend, export_data)
    ready = (await backend.client.get("/api/v1/me/export", headers=alice)).json()
    assert (ready["id"], ready["status"]) == (asked["id"], "ready")
    waiting = (await backend.client.get("/api/v1/me/export", headers=bob)).json()
    assert waiting["status"] == "requested", "what was asked for just now is left to its own run"


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_an_erasure_whose_run_was_given_up_happens_the_next_night(backend: Backend) -> None:
    for subject in (ALICE, BOB):
        await backend.client.get("/api/v1/profile", headers=backend.bearer(subject))
    asked = (await backend.client.delete("/api/v1/me", headers=backend.bearer(ALICE))).json()
    await given_up_hours_ago(backend, erase_member, "public.erasures", "due_at", asked["id"])
    await backend.client.delete("/api/v1/me", headers=backend.bearer(BOB))
    await reconciled(backend, erase_member)
    states = backend.rows("select subject, email, deleted_at is null as is_left from public.profiles order by subject")
    assert [(row["subject"], row["is_left"]) for row in states] == [(ALICE, False), (BOB, True)]
    assert backend.count("public.erasures where status = 'requested' and subject = %s", BOB) == 1
