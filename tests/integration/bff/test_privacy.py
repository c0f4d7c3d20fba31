"""A member's data as a file, a member's erasure, and leads that are forgotten."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from bff.privacy.jobs import (
    ANONYMISED_AT_ONCE,
    AnonymiseLeads,
    DeleteExports,
    EraseMember,
    anonymise_leads,
    delete_exports,
    erase_member,
    export_data,
)
from bff.purchases.jobs import fulfil_purchase
from tests.integration.bff.conftest import Backend
from tests.integration.bff.stripe_events import paid

ALICE, BOB = "auth0|alice-7f3a", "auth0|bob"
EMAIL = "Alice.Sentinel@Example.org"


async def fill(backend: Backend) -> dict[str, str]:
    """A member with something in every table, and another one beside; the member's bearer token."""
    alice, bob = backend.bearer(ALICE, email=EMAIL), backend.bearer(BOB, email="bob@example.org")
    for caller, name in ((alice, "Alice Sentinel"), (bob, "Bob")):
        seen = await backend.client.get("/api/v1/profile", headers=caller)
        change = {**caller, "if-match": seen.headers["etag"]}
        await backend.client.patch("/api/v1/profile", json={"display_name": name}, headers=change)
    for email in (EMAIL, EMAIL.lower(), "bob@example.org"):
        lead = {"email": email, "source": f"s{email[0]}", "utm": {"campaign": "sentinel-campaign"}}
        assert (await backend.client.post("/api/v1/leads", json=lead)).status_code == 202
    for subject, payment in ((ALICE, "pi_alice"), (BOB, "pi_bob")):
        await backend.webhook(paid(payment, subject=subject, customer_details={"email": EMAIL}))
    async with backend.working(fulfil_purchase):
        await backend.until(lambda: backend.runs("purchases.fulfil") == 2, "the purchases are fulfilled")
    backend.rows("update public.purchases set email = 'bob@example.org' where subject = %s", BOB)
    backend.rows("update public.purchase_events set email = 'bob@example.org' where subject = %s", BOB)
    return alice


async def exported(backend: Backend, caller: dict[str, str]) -> dict[str, Any]:
    """Ask for the file, have it made, and return what GET then answers."""
    asked = await backend.client.post("/api/v1/me/export", headers=caller)
    assert (asked.status_code, asked.json()["status"], asked.json()["link"]) == (202, "requested", None)
    before = backend.runs("privacy.export_data")
    async with backend.working(export_data):
        await backend.until(lambda: backend.runs("privacy.export_data") > before, "the file is made")
    ready: dict[str, Any] = (await backend.client.get("/api/v1/me/export", headers=caller)).json()
    assert (ready["id"], ready["status"]) == (asked.json()["id"], "ready")
    return ready


async def test_the_file_holds_all_that_is_the_members_and_nothing_of_others(backend: Backend) -> None:
    alice = await fill(backend)
    ready = await exported(backend, alice)
    lifetime = datetime.fromisoformat(ready["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < lifetime <= timedelta(hours=24)
    file = await backend.client.get(ready["link"])
    assert file.status_code == 200
    assert file.headers["content-disposition"] == 'attachment; filename="clarivum-data.json"'
    assert file.headers["cache-control"] == "no-store"
    data = file.json()
    assert data["subject"] == ALICE
    counts = {table: len(rows) for table, rows in data["tables"].items()}
    assert {name: counts[name] for name in ("profiles", "entitlements", "purchases", "purchase_events", "leads")} == {
        "profiles": 1, "entitlements": 1, "purchases": 1, "purchase_events": 1, "leads": 2,
    }  # fmt: skip
    assert data["tables"]["profiles"][0]["display_name"] == "Alice Sentinel"
    assert {lead["utm"]["campaign"] for lead in data["tables"]["leads"]} == {"sentinel-campaign"}
    assert "bob" not in file.text.lower()


async def test_a_link_is_refused_when_anything_about_it_is_wrong(backend: Backend) -> None:
    alice = await fill(backend)
    ready = await exported(backend, alice)
    link: str = ready["link"]
    path, _, token = link.rpartition("/")
    export_id, expires, signature = token.split(".")
    later = f"{path}/{export_id}.{int(expires) + 1}.{signature}"
    other = f"{path}/{'0' * 32}.{expires}.{signature}"
    flipped = f"{path}/{export_id}.{expires}.{signature[:-1]}{'0' if signature[-1] != '0' else '1'}"
    for wrong in (later, other, flipped):
        answer = await backend.client.get(wrong)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for malformed in (f"{path}/x", f"{path}/{token}0", f"{path}/{token.upper()}"):
        assert (await backend.client.get(malformed)).status_code == 422
    backend.rows("update public.data_exports set expires_at = now() - interval '1 second'")
    assert (await backend.client.get(link)).status_code == 404
    assert (await backend.client.get("/api/v1/me/export", headers=alice)).status_code == 404
    await backend.enqueue(DeleteExports(due_at=datetime.now(UTC)))
    async with backend.working(delete_exports):
        await backend.until(lambda: backend.count("public.data_exports") == 0, "the file is deleted")


async def test_asking_again_is_the_same_request_and_nobody_elses(backend: Backend) -> None:
    alice, bob = backend.bearer(ALICE), backend.bearer(BOB)
    first = await backend.client.post("/api/v1/me/export", headers=alice)
    again = await asyncio.gather(*(backend.client.post("/api/v1/me/export", headers=alice) for _ in range(8)))
    assert {answer.json()["id"] for answer in again} == {first.json()["id"]}
    assert (await backend.client.get("/api/v1/me/export", headers=bob)).status_code == 404
    keyed = {**bob, "idempotency-key": "once"}
    answers = [await backend.client.post("/api/v1/me/export", headers=keyed) for _ in range(2)]
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert answers[0].json() == answers[1].json()
    assert backend.count("pgmq.q_privacy_export_data") == 2
    for method, path in (("POST", "/api/v1/me/export"), ("GET", "/api/v1/me/export"), ("DELETE", "/api/v1/me")):
        assert (await backend.client.request(method, path)).status_code == 401


async def erase(backend: Backend, caller: dict[str, str]) -> str:
    asked = await backend.client.delete("/api/v1/me", headers=caller)
    assert (asked.status_code, asked.json()["status"]) == (202, "requested")
    days = datetime.fromisoformat(asked.json()["due_at"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < days <= timedelta(days=7)
    erasure_id: str = asked.json()["id"]
    return erasure_id


def everything(backend: Backend) -> str:
    """Every row of every table, queues included, as text."""
    tables = backend.rows(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname in ('public', 'clarivum', 'pgmq')"
    )
    return "\n".join(
        f"{table['name']}: {json.dumps(row, default=str)}"
        for table in tables
        for row in backend.rows(f"select * from {table['name']}")
    )


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_after_an_erasure_nothing_says_who_it_was(backend: Backend) -> None:
    alice = await fill(backend)
    await exported(backend, alice)
    before = everything(backend).lower()
    for word in ("alice.sentinel", "alice sentinel", "sentinel-campaign"):
        assert word in before, "the search finds what is there"
    erasure_id = await erase(backend, alice)
    assert backend.count("pgmq.q_privacy_erase_member where vt > now() + interval '6 days'") == 1
    await backend.enqueue(EraseMember(erasure_id=UUID(erasure_id)))  # an operator may have it done at once
    async with backend.working(erase_member):
        await backend.until(lambda: backend.runs("privacy.erase_member"), "the member is erased")
    after = everything(backend)
    for word in ("alice.sentinel", "alice sentinel"):
        assert word not in after.lower()
    left = {line.partition(":")[0] for line in after.splitlines() if ALICE in line}
    assert left <= {
        "public.profiles",
        "clarivum.audit_events",
        "clarivum.subject_roles",
        "clarivum.session_revocations",
    }
    (purchase,) = backend.rows("select * from public.purchases where payment = 'pi_alice'")
    assert (purchase["subject"], purchase["email"], purchase["amount_minor"]) == (f"erased:{erasure_id}", None, 4900)
    assert [
        row["status"] for row in backend.rows("select status from public.entitlements where deleted_at is not null")
    ] == ["revoked"]
    (event,) = backend.rows("select * from clarivum.audit_events where reason = 'member_erased'")
    assert (event["kind"], event["subject"], event["route"]) == ("revocation", f"erased:{erasure_id}", None)
    assert "sentinel-campaign" in after, "the other member's lead is left alone"
    bob = (await backend.client.get("/api/v1/profile", headers=backend.bearer(BOB))).json()
    assert (bob["display_name"], bob["email"]) == ("Bob", "bob@example.org")
    await backend.until(
        lambda: backend.count("clarivum.session_revocations where name = %s", ALICE) == 1, "the sessions are ended"
    )
    refused = 200
    for _ in range(200):
        refused = (await backend.client.get("/api/v1/entitlements", headers=alice)).status_code
        if refused == 401:
            break
        await asyncio.sleep(0.02)
    assert refused == 401, "a token from before is not accepted any more"


async def test_an_erasure_can_be_cancelled_until_it_happens(backend: Backend) -> None:
    alice = await fill(backend)
    first = await erase(backend, alice)
    assert await erase(backend, alice) == first
    cancelled = await backend.client.post("/api/v1/me/erasure/cancel", headers=alice)
    assert (cancelled.status_code, cancelled.json()["id"], cancelled.json()["status"]) == (200, first, "cancelled")
    assert (await backend.client.post("/api/v1/me/erasure/cancel", headers=alice)).status_code == 404
    await backend.enqueue(EraseMember(erasure_id=UUID(first)))
    async with backend.working(erase_member):
        await backend.until(lambda: backend.runs("privacy.erase_member"), "the cancelled run is over")
    profile = (await backend.client.get("/api/v1/profile", headers=alice)).json()
    assert (profile["display_name"], profile["email"]) == ("Alice Sentinel", EMAIL)
    assert backend.count("public.erasures where email is not null") == 0
    assert await erase(backend, alice) != first


async def test_inactive_leads_are_forgotten_in_batches(backend: Backend) -> None:
    with psycopg.connect(backend.urls.admin, autocommit=True) as connection:
        connection.execute(
            "insert into public.leads (email, source, vertical, utm, last_seen_at, marketing_opt_in)"
            " select 'lead' || n || '@example.org', 'old', 'health', '{\"campaign\": \"c\"}',"
            " now() - interval '366 days', true"
            f" from generate_series(1, {ANONYMISED_AT_ONCE + 5}) as n"
        )
        connection.execute(
            "insert into public.leads (email, source, last_seen_at)"
            " values ('recent@example.org', 'new', now() - interval '360 days')"
        )
    night = AnonymiseLeads(due_at=datetime.now(UTC))
    await backend.enqueue(night, night)
    async with backend.working(anonymise_leads):
        await backend.until(lambda: backend.runs("privacy.anonymise_leads") == 2, "the second batch is done")
    assert backend.count("public.leads where status = 'anonymised'") == ANONYMISED_AT_ONCE + 5
    (one, *_) = backend.rows("select * from public.leads where status = 'anonymised'")
    assert one["email"] == f"anonymised-{one['id']}@anonymised.invalid"
    assert (one["utm"], one["vertical"], one["marketing_opt_in"]) == ({}, None, False)
    (kept,) = backend.rows("select email from public.leads where status <> 'anonymised'")
    assert kept["email"] == "recent@example.org"
