"""The journey of the README: capture, work, read, under row-level security and one trace."""

import time
import uuid

import httpx
import pytest

from tests.acceptance.running import Up


def _lead(**changes: object) -> dict[str, object]:
    return {"email": f"{uuid.uuid4().hex}@acme.example.org", "source": "journey", **changes}


def _admin_lead(client: httpx.Client, source: str) -> dict[str, object]:
    items = client.get("/api/v1/admin/leads", params={"source": source}).json()["items"]
    assert len(items) == 1
    return items[0]


def test_a_lead_is_captured_enriched_and_read_by_an_editor(backend: Up) -> None:
    source = uuid.uuid4().hex
    with backend.client() as visitor, backend.client(backend.token("auth0|erin", "editor")) as editor:
        answer = visitor.post("/api/v1/leads", json=_lead(source=source))
        assert answer.status_code == 202
        assert set(answer.json()) == {"id", "status"}
        deadline = time.monotonic() + 10
        while (lead := _admin_lead(editor, source))["status"] != "enriched":
            assert time.monotonic() < deadline, lead
        assert lead["audience"] == "business"
        assert lead["id"] == answer.json()["id"]


def test_the_same_email_and_source_are_the_same_lead(backend: Up) -> None:
    lead = _lead()
    with backend.client() as visitor:
        first = visitor.post("/api/v1/leads", json=lead).json()
        again = visitor.post("/api/v1/leads", json={**lead, "email": str(lead["email"]).upper()}).json()
        other = visitor.post("/api/v1/leads", json={**lead, "source": "elsewhere"}).json()
    assert first["id"] == again["id"] != other["id"]


def test_an_idempotency_key_replays_the_stored_answer(backend: Up) -> None:
    lead = _lead()
    key = {"idempotency-key": f'"{uuid.uuid4()}"'}
    with backend.client() as visitor:
        first = visitor.post("/api/v1/leads", json=lead, headers=key)
        replay = visitor.post("/api/v1/leads", json=lead, headers=key)
        reused = visitor.post("/api/v1/leads", json=_lead(), headers=key)
    assert replay.content == first.content
    assert replay.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


def test_a_profile_is_made_at_first_sight_and_guarded_by_its_revision(backend: Up) -> None:
    subject = f"auth0|{uuid.uuid4().hex}"
    with backend.client(backend.token(subject)) as member:
        seen = member.get("/api/v1/profile")
        assert (seen.status_code, seen.headers["etag"], seen.json()["revision"]) == (200, '"1"', 1)
        assert member.patch("/api/v1/profile", json={"locale": "pl"}).status_code == 428
        changed = member.patch("/api/v1/profile", json={"display_name": "Ala"}, headers={"if-match": '"1"'})
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
        stale = member.patch("/api/v1/profile", json={"display_name": "Ola"}, headers={"if-match": '"1"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "revision_stale")
        assert member.get("/api/v1/profile").json()["display_name"] == "Ala"


def test_entitlements_come_newest_first_page_by_page_and_only_ones_own(backend: Up) -> None:
    alice, bob = (f"auth0|{uuid.uuid4().hex}" for _ in range(2))
    with backend.client(backend.token("auth0|ada", "admin")) as admin:
        for number in range(5):
            for subject in (alice, bob):
                granted = admin.post(
                    "/api/v1/admin/entitlements", json={"subject": subject, "product": f"product-{number}"}
                )
                assert granted.status_code == 201
    with backend.client(backend.token(alice)) as member:
        products: list[str] = []
        parameters: dict[str, str | int] = {"limit": 2}
        while True:
            page = member.get("/api/v1/entitlements", params=parameters).json()
            products += [item["product"] for item in page["items"]]
            if page["next"] is None:
                break
            parameters["cursor"] = page["next"]
        assert products == [f"product-{number}" for number in reversed(range(5))]
        assert member.get("/api/v1/entitlements", params={"status": "revoked"}).json()["items"] == []


def test_an_administrator_sees_only_their_own_on_the_members_route(backend: Up) -> None:
    subject = f"auth0|{uuid.uuid4().hex}"
    with backend.client(backend.token(subject, "member", "admin")) as both:
        both.post("/api/v1/admin/entitlements", json={"subject": "auth0|somebody-else", "product": "x"})
        assert both.get("/api/v1/entitlements").json()["items"] == []


@pytest.mark.parametrize(
    ("roles", "method", "path", "status"),
    [
        ((), "GET", "/api/v1/profile", 401),
        ((), "GET", "/api/v1/entitlements", 401),
        ((), "GET", "/api/v1/admin/leads", 401),
        (("member",), "GET", "/api/v1/admin/leads", 403),
        (("member",), "POST", "/api/v1/admin/entitlements", 403),
        (("editor",), "POST", "/api/v1/admin/entitlements", 403),
        (("editor",), "GET", "/api/v1/profile", 403),
        (("ops",), "GET", "/api/v1/admin/leads", 403),
    ],
)
def test_the_roles_in_the_token_decide(
    backend: Up, roles: tuple[str, ...], method: str, path: str, status: int
) -> None:
    token = backend.token("auth0|eve", *roles) if roles else None
    with backend.client(token) as client:
        answer = client.request(method, path, json={"subject": "x", "product": "y"} if method == "POST" else None)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_one_trace_goes_from_the_request_through_the_queue_to_the_worker(backend: Up) -> None:
    trace_id = uuid.uuid4().hex
    with backend.client() as visitor:
        visitor.post(
            "/api/v1/leads", json=_lead(), headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
        ).raise_for_status()
    deadline = time.monotonic() + 10
    while trace_id not in (backend.data / "logs" / "worker.log").read_text():
        assert time.monotonic() < deadline, "the worker never logged the request's trace id"
    while trace_id not in (backend.data / "logs" / "api.log").read_text():
        assert time.monotonic() < deadline, "the API never logged the request's trace id"


def test_probes_reference_and_metrics_answer(backend: Up) -> None:
    with backend.client() as anyone:
        assert anyone.get("/healthz").status_code == 200
        assert anyone.get("/readyz").status_code == 200
        assert anyone.get("/openapi.json").json()["openapi"].startswith("3.1")
        assert "text/html" in anyone.get("/docs").headers["content-type"]
        metrics = anyone.get("/metrics").text
    assert 'http_route="/api/v1/leads"' in metrics
    assert 'le="0.3"' in metrics
    assert 'le="0.8"' in metrics
