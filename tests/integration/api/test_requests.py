"""Requests that are fine, and requests that are not: over a real socket, down to a real Postgres."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.api.api_process import RunningApi, problem_in


def add(api: RunningApi, subject: str = "auth0|alice", **headers: str) -> httpx.Response:
    return api.client.post("/notes", json={"text": f"note {uuid4()}"}, headers={**api.token(subject), **headers})


def code(response: httpx.Response) -> Any:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["request_id"] == response.headers["x-request-id"]
    return document["code"]


# -- the way of a request ---------------------------------------------------------------------------------------------
def test_what_is_written_can_be_read_by_its_owner_only(api: RunningApi) -> None:
    made = add(api)
    assert made.status_code == 201
    note = made.json()
    assert (made.headers["etag"], made.headers["location"]) == ('"1"', f"/notes/{note['id']}")
    assert note["created_at"].endswith("Z")
    path = made.headers["location"]
    assert api.client.get(path, headers=api.token()).json() == note
    assert code(api.client.get(path, headers=api.token("auth0|bob"))) == "not_found"
    assert code(api.client.get(f"/notes/{uuid4()}", headers=api.token("auth0|bob"))) == "not_found"


def test_a_list_comes_in_pages_that_join_up(api: RunningApi) -> None:
    subject = f"auth0|{uuid4()}"
    texts = [add(api, subject).json()["text"] for _ in range(7)]
    seen: list[str] = []
    query = "limit=3"
    for _ in range(3):
        page = api.client.get(f"/notes?{query}", headers=api.token(subject)).json()
        seen += [note["text"] for note in page["items"]]
        query = f"limit=3&cursor={page['next']}"
    assert (seen, page["next"]) == (texts[::-1], None)
    full = api.client.get("/notes?limit=7", headers=api.token(subject)).json()
    assert (len(full["items"]), full["next"]) == (7, None)


def test_a_cursor_of_another_list_or_hand_is_refused(api: RunningApi) -> None:
    subject = f"auth0|{uuid4()}"
    for _ in range(2):
        add(api, subject)
    cursor = api.client.get("/notes?limit=1", headers=api.token(subject)).json()["next"]
    editor = api.token("auth0|ed", "editor")
    assert code(api.client.get(f"/staff/notes?cursor={cursor}", headers=editor)) == "invalid_cursor"
    assert code(api.client.get(f"/notes?cursor={cursor[:-2]}AA", headers=api.token())) == "invalid_cursor"


def test_a_change_names_the_revision_it_is_based_on(api: RunningApi) -> None:
    made = add(api)
    path, change = made.headers["location"], {"text": f"changed {uuid4()}"}
    assert code(api.client.patch(path, json=change, headers=api.token())) == "revision_required"
    assert code(api.client.patch(path, json=change, headers={**api.token(), "if-match": '"2"'})) == "revision_stale"
    changed = api.client.patch(path, json=change, headers={**api.token(), "if-match": made.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    again = api.client.patch(path, json=change, headers={**api.token(), "if-match": made.headers["etag"]})
    assert (again.status_code, code(again)) == (412, "revision_stale")


def test_an_answer_without_a_body(api: RunningApi) -> None:
    path = add(api).headers["location"]
    gone = api.client.delete(path, headers=api.token())
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-length" not in gone.headers
    assert code(api.client.get(path, headers=api.token())) == "not_found"


def test_a_head_request_is_a_get_without_its_body(api: RunningApi) -> None:
    head, got = api.client.head("/large?size=100"), api.client.get("/large?size=100")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


# -- who is calling ---------------------------------------------------------------------------------------------------
def test_the_guard_tells_who_is_unknown_from_who_may_not(api: RunningApi) -> None:
    anonymous = api.client.get("/notes")
    assert (anonymous.status_code, code(anonymous)) == (401, "unauthenticated")
    assert anonymous.headers["www-authenticate"] == 'Bearer realm="clarivum"'
    member = api.client.get("/staff/notes", headers=api.token("auth0|alice", "member"))
    assert (member.status_code, code(member)) == (403, "forbidden")
    assert api.client.get("/staff/notes", headers=api.token("auth0|ed", "editor")).status_code == 200


def test_a_route_for_staff_asks_for_a_second_factor(api: RunningApi) -> None:
    token = api.stand_in.issue("auth0|ed", ["editor"], mfa=False)
    refused = api.client.get("/staff/notes", headers={"authorization": f"Bearer {token}"})
    assert (refused.status_code, code(refused)) == (401, "mfa_required")
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="http://schemas.openid.net/pape/policies/2007/06/multi-factor"' in challenge
    assert "step_up" not in refused.json()  # there is no login of our own here
    assert api.client.get("/notes", headers={"authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer", "Bearer a.b.c", "bearer " + "x" * 9_000])
def test_a_bad_token_is_refused_even_where_none_is_needed(api: RunningApi, authorization: str) -> None:
    for path in ("/notes", "/whoami"):
        refused = api.client.get(path, headers={"authorization": authorization})
        assert (refused.status_code, code(refused)) == (401, "invalid_token")


def test_two_authorization_headers_contradict_each_other(api: RunningApi) -> None:
    token = api.token()["authorization"].encode()
    request = b"GET /whoami HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + b"authorization: " + token + b"\r\n"
    answer = api.raw(request + b"authorization: " + token + b"\r\n\r\n")
    assert b"HTTP/1.1 400" in answer
    assert b'"conflicting_credentials"' in answer


def test_the_route_decides_the_database_role(api: RunningApi) -> None:
    assert api.client.get("/whoami").json()["role"] == "anon"
    member = api.client.get("/whoami", headers=api.token("auth0|alice", "editor")).json()
    assert (member["role"], member["subject"]) == ("authenticated", "auth0|alice")
    assert api.client.get("/staff/role", headers=api.token("auth0|ed", "editor")).json()["text"] == "clarivum_staff"


def test_the_handler_is_told_about_the_client(api: RunningApi) -> None:
    answer = api.client.get("/whoami", headers={"user-agent": "probe/1", "x-forwarded-for": "203.0.113.9"})
    assert answer.json()["user_agent"] == "probe/1"
    assert answer.json()["address"] == "127.0.0.1"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_trace_goes_on_and_a_hostile_one_does_not(api: RunningApi) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    good = api.client.get("/healthz", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert good.headers["x-request-id"] == trace
    for hostile in (f"00-{'0' * 32}-00f067aa0ba902b7-01", "x" * 5_000, f"ff-{trace}-00f067aa0ba902b7-01"):
        answer = api.client.get("/healthz", headers={"traceparent": hostile})
        assert answer.status_code == 200
        assert answer.headers["x-request-id"] not in (trace, "0" * 32)


# -- bad input --------------------------------------------------------------------------------------------------------
def test_a_path_or_method_that_is_not_there(api: RunningApi) -> None:
    missing = api.client.get("/nowhere")
    assert (missing.status_code, code(missing)) == (404, "not_found")
    for method in ("PUT", "OPTIONS", "FROBNICATE", "TRACE"):
        wrong = api.client.request(method, "/notes")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST"), method
        assert code(wrong) == "method_not_allowed"
    assert api.client.request("FROBNICATE", "/nowhere").status_code == 404
    assert api.client.request("DELETE", "/notes/1/2").status_code == 404


def test_a_body_must_be_json_that_fits(api: RunningApi) -> None:
    def send(body: bytes, content_type: str = "application/json") -> httpx.Response:
        return api.client.post("/notes", content=body, headers={**api.token(), "content-type": content_type})

    assert (send(b"{}", "text/plain").status_code, code(send(b"{}", "text/plain"))) == (415, "unsupported_media_type")
    for body in (b"", b"{", b'{"text": "a", "text": "b"}', b'{"wait_s": NaN}', b"[" * 100_000, b'\xff{"text": "a"}'):
        assert (send(body).status_code, code(send(body))) == (400, "malformed_json")
    misfit = send(rb'{"text": "a\u0000", "wait_s": 99, "more": 1}')
    assert (misfit.status_code, code(misfit)) == (422, "validation_failed")
    assert {error["pointer"] for error in misfit.json()["errors"]} == {"/text", "/wait_s", "/more"}


def test_a_parameter_must_fit(api: RunningApi) -> None:
    assert code(api.client.get("/notes/not-a-uuid", headers=api.token())) == "invalid_parameter"
    wrong = api.client.get("/notes?limit=1000&nonsense=1", headers=api.token())
    assert (wrong.status_code, code(wrong)) == (422, "invalid_parameter")
    assert {error["pointer"] for error in wrong.json()["errors"]} == {"query:limit", "query:nonsense"}


@pytest.mark.parametrize("path", ["/%6detrics", "/%2Fmetrics", "/metrics%2F", "/%6eotes", "/%6eotes/7", "/notes%2f7"])
def test_an_escape_never_spells_a_path(api: RunningApi, path: str) -> None:
    """A proxy that closes /metrics compares what is sent; so do we."""
    answer = api.raw(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    problem = problem_in(answer)
    assert (problem["status"], problem["code"], problem["instance"]) == (404, "not_found", path)


def test_a_problem_names_its_path_as_a_uri_does(api: RunningApi) -> None:
    answer = api.raw(b'GET /notes/%00%0a%ff"<>|%5d HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    assert problem_in(answer)["instance"] == "/notes/%00%0a%ff%22%3C%3E%7C%5d"


def test_a_conflict_does_not_quote_what_is_stored(api: RunningApi) -> None:
    text = add(api, "auth0|bob").json()["text"]
    twice = api.client.post("/notes", json={"text": text}, headers=api.token())
    assert (twice.status_code, code(twice)) == (409, "conflict")
    assert text not in twice.text


@pytest.mark.parametrize("path", ["/broken", "/misfit"])
def test_a_fault_of_ours_says_nothing_about_itself(api: RunningApi, path: str) -> None:
    fault = api.client.get(path)
    assert (fault.status_code, code(fault)) == (500, "internal_error")
    assert "s3cret" not in fault.text
    assert "someone@example.org" not in fault.text


# -- limits -----------------------------------------------------------------------------------------------------------
def test_a_rate_is_per_caller_and_says_when_to_come_back(api: RunningApi) -> None:
    first = [api.client.get("/rare") for _ in range(4)]
    assert [answer.status_code for answer in first] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in first] == ["2", "1", "0", "0"]
    assert code(first[3]) == "rate_limited"
    assert 1 <= int(first[3].headers["retry-after"]) <= 20
    assert first[3].headers["retry-after"] == first[3].headers["ratelimit-reset"]
    spoofed = api.client.get("/rare", headers={"x-forwarded-for": "203.0.113.9"})
    assert spoofed.status_code == 429
    assert api.client.get("/rare", headers=api.token("auth0|other")).status_code == 200


def test_an_answer_that_takes_too_long_is_given_up(api: RunningApi) -> None:
    late = api.client.get("/slow")
    assert (late.status_code, code(late)) == (503, "unavailable")
    assert "0.5 seconds" in late.json()["detail"]
    assert int(late.headers["retry-after"]) >= 1


def test_many_callers_at_once_get_their_own(api: RunningApi) -> None:
    def note_of(number: int) -> bool:
        subject = f"auth0|caller{number % 20}"
        token = api.token(subject)
        text = f"mine {uuid4()}"
        made = api.client.post("/notes", json={"text": text}, headers=token).json()
        listed = api.client.get("/notes?limit=100", headers=token).json()["items"]
        return made["owner"] == subject and {note["owner"] for note in listed} == {subject}

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(note_of, range(160)))


# -- the platform's own paths -----------------------------------------------------------------------------------------
def test_every_answer_keeps_browsers_at_a_distance(api: RunningApi) -> None:
    for path in ("/whoami", "/nowhere", "/healthz", "/openapi.json", "/docs", "/metrics"):
        headers = api.client.get(path, headers={"origin": "https://evil.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert not any(name.startswith("access-control-") for name in headers)
        assert "server" not in headers
    assert api.client.get("/whoami").headers["cache-control"] == "no-store"


def test_the_process_is_alive_and_ready(api: RunningApi) -> None:
    assert api.client.get("/healthz").json() == {"status": "alive"}
    assert api.client.get("/readyz").json() == {"status": "ready", "checks": {"database": "ok"}}


def test_what_was_served_is_counted_by_route(api: RunningApi) -> None:
    api.client.get("/notes/not-a-uuid", headers=api.token())
    metrics = api.client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'http_route="/notes/{note_id}"' in metrics.text
    assert "not-a-uuid" not in metrics.text
    assert 'le="0.3"' in metrics.text


def test_the_document_and_its_page_are_served(api: RunningApi) -> None:
    document = api.client.get("/openapi.json")
    assert document.status_code == 200
    assert json.loads(document.content)["paths"]["/notes"]["post"]["operationId"] == "add_note"
    page = api.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "Keep a note" in page.text
    assert "style-src 'sha256-" in page.headers["content-security-policy"]
