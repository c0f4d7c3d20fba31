"""What happened is in the table: once, complete, bounded, and nobody changes it afterwards."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from clarivum.auth.audit import AuditEvent, AuditRecorder, recorded_subject
from clarivum.auth.audit.recorder import MAX_SUBJECTS
from clarivum.auth.principal import principal_from
from clarivum.auth.revocation import Revocations
from clarivum.database import Database
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.auth.audited_api import WORLD, audited_api


class Audit:
    """The table, read as a superuser."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self.connection = connection

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return self.connection.execute(
            "select * from clarivum.audit_events where kind = %s order by id", [kind]
        ).fetchall()

    def text(self) -> str:
        rows = self.connection.execute("select row_to_json(e)::text as line from clarivum.audit_events e").fetchall()
        return "\n".join(row["line"] for row in rows)


@pytest.fixture
def audit(database_urls: DatabaseUrls) -> Iterator[Audit]:
    with psycopg.connect(database_urls.admin, autocommit=True, row_factory=dict_row) as connection:
        connection.execute(WORLD)
        yield Audit(connection)


async def test_a_change_by_staff_and_its_row_commit_together(
    audit: Audit, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with audited_api(database_urls.app, tmp_path) as api:
        ada = api.token("auth0|ada", "admin", "editor")
        key = {"idempotency-key": "k1"}
        answer = await api.client.post("/prices", json={"product": "tea-4711", "cents": 250}, headers={**ada, **key})
        replay = await api.client.post("/prices", json={"product": "tea-4711", "cents": 250}, headers={**ada, **key})
        assert (answer.status_code, replay.headers["idempotency-replayed"]) == (200, "true")
        row = audit.rows("admin_write")[0]
        # What fails after its effect, in the database or in the handler, leaves neither.
        for cents in (0, 13):
            failed = await api.client.post("/prices", json={"product": "milk", "cents": cents}, headers=ada)
            assert failed.status_code >= 400
    assert len(audit.rows("admin_write")) == 1
    assert audit.connection.execute("select product from public.prices").fetchall() == [{"product": "tea-4711"}]
    assert (row["subject"], row["roles"], row["route"]) == ("auth0|ada", ["admin", "editor"], "POST /prices")
    assert (row["outcome"], row["reason"], row["trace_id"]) == ("done", "committed", answer.headers["x-request-id"])
    assert "tea-4711" not in audit.text()


async def test_refusals_are_counted_by_what_was_refused_to_whom(
    audit: Audit, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with audited_api(database_urls.app, tmp_path) as api:
        forged = {"authorization": "Bearer " + api.token("auth0|eve")["authorization"][7:-4] + "AAAA"}
        for _ in range(5):
            assert (await api.client.get("/secret", headers=forged)).status_code == 401
        assert (await api.client.get("/secret")).status_code == 401
        assert (await api.client.get("/secret", headers=api.token("auth0|eve", "member"))).status_code == 403
        stepped = await api.client.get("/secret", headers=api.token("auth0|otto", "ops"))
        assert stepped.json()["code"] == "mfa_required"
        session = {"cookie": "authjs.session-token=eyJ.nonsense", "origin": "http://evil.test"}
        assert (await api.client.post("/mine", json={}, headers=session)).status_code == 401
        assert (await api.client.get("/auth/csrf", headers=session)).status_code == 401
    found = {(row["reason"], row["route"], row["subject"]): row["occurrences"] for row in audit.rows("refusal")}
    assert found == {
        ("invalid_token", "GET /secret", None): 5,
        ("unauthenticated", "GET /secret", None): 1,
        ("forbidden", "GET /secret", "auth0|eve"): 1,
        ("mfa_required", "GET /secret", "auth0|otto"): 1,
        ("invalid_session", "POST /mine", None): 1,
        ("invalid_session", "GET /auth/csrf", None): 1,
    }
    assert forged["authorization"][7:60] not in audit.text()
    assert "nonsense" not in audit.text()


async def test_a_flood_of_refusals_fills_no_table(audit: Audit, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app, pipelines=1, connections=2) as database:
        recorder = AuditRecorder(database)
        for number in range(5_000):
            recorder.note(AuditEvent("refusal", "refused", "forbidden", f"auth0|{number}", route="GET /secret"))
        await recorder.flush()
    rows = audit.rows("refusal")
    assert len(rows) == MAX_SUBJECTS + 1
    assert sum(row["occurrences"] for row in rows) == 5_000


async def test_while_postgres_does_not_answer_what_was_noted_waits_within_bounds(
    audit: Audit, database_urls: DatabaseUrls
) -> None:
    async with Database(database_urls.app, pipelines=1, connections=2) as database:
        recorder = AuditRecorder(database)
        audit.connection.execute("revoke insert on clarivum.audit_events from clarivum_worker")
        for flush in range(5):
            for number in range(1_000):
                recorder.note(AuditEvent("refusal", "refused", "forbidden", f"auth0|{flush}-{number}"))
            await recorder.flush()
        assert audit.rows("refusal") == []
        audit.connection.execute("grant insert on clarivum.audit_events to clarivum_worker")
        await recorder.flush()
        assert sum(row["occurrences"] for row in audit.rows("refusal")) == 5_000
        assert len(audit.rows("refusal")) == MAX_SUBJECTS + 1
        for number in range(MAX_SUBJECTS):
            recorder.note(AuditEvent("refusal", "refused", "forbidden", f"auth0|later-{number}"))
        await recorder.flush()
        assert len(audit.rows("refusal")) == 2 * MAX_SUBJECTS + 1


async def test_a_request_does_not_wait_for_the_table(audit: Audit, database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with psycopg.connect(database_urls.admin) as holder:
        async with audited_api(database_urls.app, tmp_path) as api:
            holder.execute("lock table clarivum.audit_events in access exclusive mode")
            started = time.monotonic()
            for _ in range(20):
                assert (await api.client.get("/secret")).status_code == 401
            assert time.monotonic() - started < 2
            holder.rollback()
    assert [row["occurrences"] for row in audit.rows("refusal")] == [20]


async def test_roles_that_differ_from_the_last_ones_seen(audit: Audit, database_urls: DatabaseUrls) -> None:
    async def seen(*tokens: tuple[str, list[str], int]) -> None:
        """In a process of its own, as after a restart."""
        async with Database(database_urls.app, pipelines=1, connections=2) as database:
            recorder = AuditRecorder(database)
            for subject, roles, issued_at in tokens:
                claims = {"sub": subject, "exp": issued_at + 60, "iat": issued_at, "roles": roles}
                recorder.see(principal_from(claims, roles_claim="roles")[0])
                await recorder.flush()

    await seen(("auth0|mia", ["member"], 1_000), ("auth0|ada", ["admin"], 1_000))
    await seen(("auth0|mia", ["member", "editor"], 2_000), ("auth0|mia", ["member"], 1_500))
    await seen(("auth0|mia", ["editor", "member"], 3_000), ("auth0|ada", [], 2_000), ("auth0|ada", [], 2_500))
    rows = audit.rows("privilege_change")
    assert [(row["subject"], row["reason"], row["previous_roles"], row["roles"]) for row in rows] == [
        ("auth0|ada", "roles_first_seen", None, ["admin"]),
        ("auth0|mia", "roles_changed", ["member"], ["editor", "member"]),
        ("auth0|ada", "roles_changed", ["admin"], []),
    ]


async def test_two_processes_tell_one_change_once(audit: Audit, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app, pipelines=1, connections=8) as database:
        recorders = [AuditRecorder(database) for _ in range(8)]
        claims = {"sub": "auth0|ada", "exp": 2_000, "iat": 1_000, "roles": ["admin"]}
        for recorder in recorders:
            recorder.see(principal_from(claims, roles_claim="roles")[0])
        await asyncio.gather(*(recorder.flush() for recorder in recorders))
    assert len(audit.rows("privilege_change")) == 1


async def test_a_revocation_is_told_with_its_reason(audit: Audit, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app, pipelines=1, connections=2) as database:
        revocations = Revocations(database)
        await revocations.revoke_subject("auth0|ada", "logout")
        await revocations.revoke_session("a-session-id", "replaced")
    told = [(row["reason"], row["subject"]) for row in audit.rows("revocation")]
    assert told[0] == ("logout", "auth0|ada")
    assert told[1][0] == "replaced"
    assert told[1][1].startswith("session:")
    assert "a-session-id" not in audit.text()


@pytest.mark.parametrize("postgres_version", [16, 18])
def test_nobody_changes_what_was_written(audit: Audit, database_urls: DatabaseUrls) -> None:
    insert = "insert into clarivum.audit_events (kind, outcome, reason, at) values ('sign_in', 'done', 'x', %s)"
    audit.connection.execute(insert, ["2020-01-01"])
    audit.connection.execute(insert, ["2026-11-26"])
    attempts = ("update clarivum.audit_events set subject = 'x'", "truncate clarivum.audit_events",
                "delete from clarivum.audit_events where at > '2025-01-01'")  # fmt: skip
    for role in ("anon", "authenticated", "clarivum_staff", "clarivum_worker"):
        with psycopg.connect(database_urls.app, autocommit=True) as connection:
            connection.execute(f"set role {role}".encode())
            for attempt in attempts:
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                    connection.execute(attempt.encode())
    for attempt in attempts:  # a superuser, the table's owner
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            audit.connection.execute(attempt.encode())
    assert audit.connection.execute("delete from clarivum.audit_events where at < '2025-01-01'").rowcount == 1


@pytest.mark.parametrize(
    ("subject", "kept"),
    [
        ("auth0|alice", True),
        ("reports@clients", True),
        (None, True),
        ("samlp|acme|alice@example.org", False),
        ("alice@example.org", False),
        ("a@b@clients", False),
        ("x" * 300, False),
    ],
)
def test_no_subject_tells_an_address(subject: str | None, kept: bool) -> None:
    stored = recorded_subject(subject)
    assert (stored == subject) is kept
    assert kept or (stored is not None and "@" not in stored and stored.startswith("sha256:"))
