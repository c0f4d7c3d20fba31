"""Session cookies on the API as it runs: made by the real packages, on every kind of route, with CSRF."""

import time
from collections.abc import Iterator

import httpx
import pytest

from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import RunningApi, problem_in, running_api
from tests.integration.auth.front_end import SECRET, FrontEnd, running_front_end
from tests.unit.auth.cookie_forge import CookieForge, altered

FORMATS = {"authjs": "authjs.session-token", "nextauth": "next-auth.session-token"}
OLD_SECRET = "7Hq2vLmZr0pTw4yBn8cJd5fGhkX9xWs3"


@pytest.fixture(scope="module")
def front_end() -> Iterator[FrontEnd]:
    with running_front_end() as front_end:
        yield front_end


@pytest.fixture(scope="module")
def session_api(sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    with running_api(
        sample_urls.app,
        tmp_path_factory.mktemp("identity"),
        AUTH_SECRET=OLD_SECRET,
        AUTH_SECRET_1=SECRET,
        CLARIVUM_ALLOWED_ORIGINS="https://app.example.org",
    ) as api:
        yield api


def access_token(api: RunningApi, subject: str = "auth0|alice", *roles: str) -> str:
    return api.token(subject, *roles)["authorization"].removeprefix("Bearer ")


def cookie_header(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in pairs)}


def session(api: RunningApi, subject: str = "auth0|alice", *roles: str, secret: str = SECRET) -> dict[str, str]:
    """The Cookie header of a session, sealed here."""
    forge = CookieForge("authjs", secret=secret, name=FORMATS["authjs"])
    moment = int(time.time())
    return cookie_header(
        [
            ("theme", "dark"),
            (forge.name, forge.value(access_token=access_token(api, subject, *roles), iat=moment, exp=moment + 600)),
        ]
    )


def proven(api: RunningApi, cookies: dict[str, str]) -> dict[str, str]:
    """What a page of ours sends with a change: cookies, Origin, and the token that it asked for."""
    answer = api.client.get("/auth/csrf", headers=cookies)
    assert answer.status_code == 200, answer.text
    planted = answer.headers["set-cookie"].partition(";")[0]
    return {
        "cookie": f"{cookies['cookie']}; {planted}",
        "origin": f"http://127.0.0.1:{api.port}",
        "x-csrf-token": answer.json()["csrf_token"],
    }


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("name_size", [5, 6_000])
@pytest.mark.parametrize("format", FORMATS)
def test_a_session_made_by_the_package(
    format: str, name_size: int, session_api: RunningApi, front_end: FrontEnd
) -> None:
    token = {"name": "x" * name_size, "access_token": access_token(session_api, "auth0|carol", "editor")}
    pairs = front_end.cookies(format, FORMATS[format], token)
    assert (len(pairs) > 1) is (name_size > 5)
    headers = cookie_header(pairs)
    seen = session_api.client.get("/whoami", headers=headers).json()
    assert (seen["subject"], seen["role"]) == ("auth0|carol", "authenticated")
    assert session_api.client.get("/staff/role", headers=headers).json() == {"text": "clarivum_staff"}


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_both_secrets_open_while_they_are_rotated(secret: str, session_api: RunningApi) -> None:
    headers = session(session_api, secret=secret)
    assert session_api.client.get("/whoami", headers=headers).json()["subject"] == "auth0|alice"


def test_a_wrong_session_is_refused_on_every_route(session_api: RunningApi) -> None:
    """Also where anybody may come in, and beside a bearer token that is good."""
    name, _, value = session(session_api)["cookie"].rpartition("; ")[2].partition("=")
    wrong = cookie_header([(name, altered(value, 3))])
    for path in ("/whoami", "/notes", "/auth/csrf"):
        for bearer in ({}, session_api.token()):
            answer = session_api.client.get(path, headers={**wrong, **bearer})
            assert problem(answer) == (401, "invalid_session")
            assert answer.headers["www-authenticate"] == 'Bearer realm="clarivum"'
            assert value not in answer.text


def test_credentials_that_contradict_each_other(session_api: RunningApi) -> None:
    cookies = session(session_api)
    both = session_api.client.get("/whoami", headers={**cookies, **session_api.token("auth0|alice")})
    assert both.json()["subject"] == "auth0|alice"
    for path in ("/whoami", "/notes"):
        answer = session_api.client.get(path, headers={**cookies, **session_api.token("auth0|bob")})
        assert problem(answer) == (400, "conflicting_credentials")
    token = session_api.token()["authorization"]
    two = [("cookie", cookies["cookie"]), ("authorization", token), ("authorization", token)]
    assert problem(session_api.client.get("/whoami", headers=two)) == (400, "conflicting_credentials")


def test_cookies_in_two_headers_are_one_list(session_api: RunningApi) -> None:
    one, _, other = session(session_api)["cookie"].partition("; ")
    answer = session_api.client.get("/whoami", headers=[("cookie", one), ("cookie", other)])
    assert answer.json()["subject"] == "auth0|alice"
    twice = session_api.client.get("/whoami", headers=[("cookie", other), ("cookie", other)])
    assert problem(twice) == (401, "invalid_session")


def test_a_change_with_a_session(session_api: RunningApi) -> None:
    headers = proven(session_api, session(session_api))
    made = session_api.client.post("/notes", json={"text": "with a session"}, headers=headers)
    assert made.status_code == 201
    note = f"/notes/{made.json()['id']}"
    assert made.json()["owner"] == "auth0|alice"
    changed = session_api.client.patch(
        note, json={"text": "changed"}, headers={**headers, "if-match": made.headers["etag"]}
    )
    assert changed.status_code == 200
    elsewhere = {**headers, "origin": "https://app.example.org"}
    assert session_api.client.delete(note, headers=elsewhere).status_code == 204


@pytest.mark.parametrize(
    "forged",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1.evil.example"},
        {"origin": ""},
        {"x-csrf-token": ""},
        {"x-csrf-token": "guess"},
    ],
    ids=str,
)
def test_a_change_that_no_page_of_ours_sent(forged: dict[str, str], session_api: RunningApi) -> None:
    headers = {**proven(session_api, session(session_api)), **forged}
    for method, path in (("POST", "/notes"), ("DELETE", "/notes/00000000-0000-0000-0000-000000000000")):
        answer = session_api.client.request(method, path, headers=headers)
        assert problem(answer) == (403, "csrf_failed")
    anonymous = {**headers, "cookie": "theme=dark", "idempotency-key": f"k{len(str(forged))}"}
    note = {"text": f"from a visitor {forged}"}
    assert session_api.client.post("/visitors/notes", json=note, headers=anonymous).status_code == 202


@pytest.mark.parametrize("missing", ["origin", "x-csrf-token"])
def test_a_change_without_proof(missing: str, session_api: RunningApi) -> None:
    headers = proven(session_api, session(session_api))
    del headers[missing]
    assert problem(session_api.client.post("/notes", json={"text": "x"}, headers=headers)) == (403, "csrf_failed")


def test_another_members_csrf_token(session_api: RunningApi) -> None:
    bob = proven(session_api, session(session_api, "auth0|bob"))
    planted = bob["cookie"].rpartition("; ")[2]
    headers = {**bob, "cookie": f"{session(session_api)['cookie']}; {planted}"}
    assert problem(session_api.client.post("/notes", json={"text": "x"}, headers=headers)) == (403, "csrf_failed")


def test_several_origin_headers(session_api: RunningApi) -> None:
    headers = proven(session_api, session(session_api))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST /notes HTTP/1.1\r\nhost: 127.0.0.1:{session_api.port}\r\n{lines}origin: {headers['origin']}\r\n"
    answer = session_api.raw(f"{request}connection: close\r\ncontent-length: 0\r\n\r\n".encode())
    assert problem_in(answer)["code"] == "csrf_failed"


def test_a_bearer_token_needs_no_csrf_token(session_api: RunningApi) -> None:
    headers = {**session_api.token(), "origin": "https://evil.example"}
    made = session_api.client.post("/notes", json={"text": "with a bearer token"}, headers=headers)
    assert made.status_code == 201
    assert session_api.client.delete(f"/notes/{made.json()['id']}", headers=headers).status_code == 204


def test_the_csrf_token_is_for_this_session_and_is_not_cached(session_api: RunningApi) -> None:
    answer = session_api.client.get("/auth/csrf", headers=session(session_api))
    assert list(answer.json()) == ["csrf_token"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert problem(session_api.client.get("/auth/csrf")) == (401, "unauthenticated")
    assert problem(session_api.client.get("/auth/csrf", headers=session_api.token())) == (401, "unauthenticated")
    assert session_api.client.post("/auth/csrf").status_code == 405


def test_behind_tls_only_prefixed_cookies_count(
    sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory, front_end: FrontEnd
) -> None:
    """As in production: a bare name is no session, the CSRF cookie is `__Host-`, our own origin is https."""
    base = "https://api.example.org"
    settings = {"AUTH_SECRET": SECRET, "CLARIVUM_BASE_URL": base}
    with running_api(sample_urls.app, tmp_path_factory.mktemp("identity"), **settings) as api:
        token = {"access_token": access_token(api, "auth0|erin")}
        for format, name in FORMATS.items():
            bare = cookie_header(front_end.cookies(format, name, token))
            assert api.client.get("/whoami", headers=bare).json()["subject"] is None
            cookies = cookie_header(front_end.cookies(format, f"__Secure-{name}", token))
            assert api.client.get("/whoami", headers=cookies).json()["subject"] == "auth0|erin"
            headers = {**proven(api, cookies), "origin": base}
            assert "; __Host-clarivum.csrf=" in headers["cookie"]
            made = api.client.post("/notes", json={"text": f"behind TLS, {format}"}, headers=headers)
            assert made.status_code == 201
            plain = {**headers, "origin": f"http://127.0.0.1:{api.port}"}
            assert problem(api.client.delete(f"/notes/{made.json()['id']}", headers=plain)) == (403, "csrf_failed")


def test_without_a_secret_cookies_are_not_looked_at(api: RunningApi) -> None:
    broken = {"cookie": "authjs.session-token=x"}
    assert api.client.get("/whoami", headers=broken).json()["subject"] is None
    assert problem(api.client.get("/auth/csrf", headers=broken)) == (404, "not_found")
