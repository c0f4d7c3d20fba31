"""The same Idempotency-Key: one effect and one answer, whatever happens at the same time."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import RunningApi

Admin = psycopg.Connection[dict[str, object]]


@pytest.fixture
def admin(sample_urls: DatabaseUrls) -> Iterator[Admin]:
    with psycopg.connect(sample_urls.admin, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("truncate clarivum.idempotency_keys")
        yield connection


def post(
    api: RunningApi, key: str | None, text: str, subject: str = "auth0|alice", wait_s: float = 0
) -> httpx.Response:
    headers = api.token(subject) | ({} if key is None else {"idempotency-key": key})
    return api.client.post("/notes", json={"text": text, "wait_s": wait_s}, headers=headers)


def count(admin: Admin, table: str, condition: str = "true") -> int:
    row = admin.execute(f"select count(*) as n from {table} where {condition}").fetchone()  # type: ignore[arg-type]
    assert row is not None
    assert isinstance(row["n"], int)
    return row["n"]


def code(response: httpx.Response) -> str:
    found: str = response.json()["code"]
    return found


def test_a_repeated_request_gets_the_first_answer(api: RunningApi, admin: Admin) -> None:
    key, text = str(uuid4()), f"once {uuid4()}"
    first = post(api, key, text)
    again = [post(api, key, text), post(api, f'"{key}"', text)]
    assert "idempotency-replayed" not in first.headers
    for replay in again:
        assert (replay.status_code, replay.content) == (201, first.content)
        assert replay.headers["idempotency-replayed"] == "true"
        assert (replay.headers["etag"], replay.headers["location"]) == ('"1"', first.headers["location"])
        assert replay.headers["x-request-id"] != first.headers["x-request-id"]
        assert replay.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert count(admin, "public.notes", f"text = '{text}'") == 1


def test_fifty_at_once_have_one_effect(api: RunningApi, admin: Admin) -> None:
    key, text = str(uuid4()), f"crowd {uuid4()}"
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: post(api, key, text, wait_s=0.05), range(50)))
    kinds = Counter((answer.status_code, "idempotency-replayed" in answer.headers) for answer in answers)
    assert kinds[201, False] == 1
    assert set(kinds) <= {(201, False), (201, True), (409, False), (503, False)}
    assert kinds[503, False] == 0, "the pool was too small for the crowd"
    in_flight = [answer for answer in answers if answer.status_code == 409]
    assert {code(answer) for answer in in_flight} <= {"request_in_flight"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in in_flight)
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert count(admin, "public.notes", f"text = '{text}'") == 1
    assert count(admin, "clarivum.idempotency_keys") == 1


def test_another_request_under_the_key_is_refused(api: RunningApi, admin: Admin) -> None:
    key, text = str(uuid4()), f"first {uuid4()}"
    post(api, key, text)
    other = post(api, key, f"second {uuid4()}")
    assert (other.status_code, code(other)) == (422, "idempotency_key_reused")
    assert count(admin, "public.notes", "text like 'second %'") == 0


def test_a_key_is_its_callers_own(api: RunningApi, admin: Admin) -> None:
    key = str(uuid4())
    alice, bob = post(api, key, f"a {uuid4()}"), post(api, key, f"b {uuid4()}", "auth0|bob")
    assert (alice.status_code, bob.status_code) == (201, 201)
    assert alice.json()["id"] != bob.json()["id"]
    visitor = api.client.post("/visitors/notes", json={"text": f"v {uuid4()}"}, headers={"idempotency-key": key})
    assert visitor.status_code == 202
    assert count(admin, "clarivum.idempotency_keys") == 3


def test_a_request_that_failed_may_be_sent_again(api: RunningApi, admin: Admin) -> None:
    key, text = str(uuid4()), f"taken {uuid4()}"
    taken = post(api, None, text)
    assert (taken.status_code, code(post(api, key, text))) == (201, "conflict")
    assert count(admin, "clarivum.idempotency_keys") == 0
    api.client.delete(taken.headers["location"], headers=api.token())
    retried = post(api, key, text)
    assert (retried.status_code, "idempotency-replayed" in retried.headers) == (201, False)


def test_a_key_may_be_required(api: RunningApi) -> None:
    missing = api.client.post("/visitors/notes", json={"text": "x"})
    assert (missing.status_code, code(missing)) == (400, "invalid_idempotency_key")
    malformed = post(api, '"unfinished', "x")
    assert (malformed.status_code, code(malformed)) == (400, "invalid_idempotency_key")


def test_after_its_retention_a_key_is_new_and_old_ones_are_forgotten(api: RunningApi, admin: Admin) -> None:
    key, text = str(uuid4()), f"old {uuid4()}"
    first = post(api, key, text)
    for _ in range(3):
        post(api, str(uuid4()), f"other {uuid4()}")
    admin.execute(
        "update clarivum.idempotency_keys "
        "set created_at = now() - interval '25 hours', expires_at = now() - interval '1 hour'"
    )
    api.client.delete(first.headers["location"], headers=api.token())
    renewed = post(api, key, text)
    assert (renewed.status_code, "idempotency-replayed" in renewed.headers) == (201, False)
    assert count(admin, "clarivum.idempotency_keys", "expires_at > now()") == 1
    assert count(admin, "clarivum.idempotency_keys") == 2
    row = admin.execute("select expires_at - created_at as kept from clarivum.idempotency_keys order by 1").fetchone()
    assert row is not None
    assert str(row["kept"]).startswith("1 day")


def test_nobody_but_the_platform_reads_the_answers(sample_urls: DatabaseUrls) -> None:
    for role in ("anon", "authenticated", "clarivum_staff"):
        with psycopg.connect(sample_urls.app) as connection:
            connection.execute(f"set role {role}")  # type: ignore[arg-type]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from clarivum.idempotency_keys")
        with psycopg.connect(sample_urls.app) as connection:
            connection.execute(f"set role {role}")  # type: ignore[arg-type]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from clarivum.server_keys")
