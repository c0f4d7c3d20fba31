"""The paths of the login over HTTP: what they refuse, and what the settings must say for them to be there."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from clarivum.api.login.configuration import base_url_of, registration_of
from clarivum.api.server import build_app
from clarivum.errors import ConfigurationError
from clarivum.settings import Settings
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import RunningApi, running_api
from tests.integration.api.sample import application

LOGIN = {
    "AUTH_AUTH0_ID": "clarivum-tests",
    "AUTH_AUTH0_SECRET": "8f1e6a52c3b94d7fa0e1c2d3b4a59687",
    "AUTH_SECRET": "Zq8rT2vN5kWxL0mBcD7fHjP3sYuGaE1o",
    "CLARIVUM_BASE_URL": "https://localhost:9443",
    "CLARIVUM_IDENTITY_URL": "http://127.0.0.1:9/",  # discard: nobody answers
}


@pytest.fixture(scope="module")
def login_api(sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    with running_api(sample_urls.app, tmp_path_factory.mktemp("identity"), **LOGIN) as api:
        yield api


def test_the_paths_are_there_only_with_a_client(api: RunningApi, login_api: RunningApi) -> None:
    for path in ("/auth/login", "/auth/callback", "/auth/logout"):
        assert api.client.get(path).status_code == 404
        assert login_api.client.get(path).status_code != 404
    not_allowed = login_api.client.post("/auth/login")
    assert (not_allowed.status_code, not_allowed.headers["allow"]) == (405, "GET, HEAD")


def test_an_issuer_that_is_down_is_told_as_such(login_api: RunningApi) -> None:
    answer = login_api.client.get("/auth/login", headers={"host": "localhost:9443"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "set-cookie" not in answer.headers
    assert "127.0.0.1:9" not in answer.text


def test_an_issuer_that_does_not_answer_is_waited_for_no_longer_than_any_request(
    sample_urls: DatabaseUrls, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        settings = {**LOGIN, "CLARIVUM_IDENTITY_URL": issuer, "CLARIVUM_REQUEST_TIMEOUT_S": "0.5"}
        with running_api(sample_urls.app, tmp_path, **settings) as api:
            answer = api.client.get("/auth/login", headers={"host": "localhost:9443"})
    assert (answer.status_code, answer.json()["detail"]) == (503, "There was no answer within 0.5 seconds.")


def test_another_name_of_this_machine_leads_to_the_one_that_is_registered(login_api: RunningApi) -> None:
    answer = login_api.client.get("/auth/login?returnTo=/account", headers={"host": "127.0.0.1:8000"})
    location = answer.headers["location"]
    assert (answer.status_code, location) == (303, "https://localhost:9443/auth/login?returnTo=%2Faccount&mfa=0")
    other = login_api.client.get("/auth/login", headers={"host": "evil.example"})
    assert other.status_code == 503  # on to the issuer, never to what a Host header says


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("returnTo=//evil.example", 400, "invalid_redirect"),
        ("returnTo=/a&returnTo=/b", 422, "invalid_parameter"),
        ("mfa=yes", 422, "invalid_parameter"),
        ("next=/account", 422, "invalid_parameter"),
        ("returnTo=%FF", 422, "invalid_parameter"),
        ("returnTo=/" + "a" * 9_000, 422, "invalid_parameter"),
        ("&".join(f"p{number}=1" for number in range(30)), 422, "invalid_parameter"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(login_api: RunningApi, query: str, status: int, code: str) -> None:
    answer = login_api.client.get(f"/auth/login?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "evil" not in answer.text


@pytest.mark.parametrize("cookie", ["", "__Host-clarivum.login=x", "__Host-clarivum.login=" + "a" * 5_000])
def test_a_callback_nobody_waits_for_is_refused(login_api: RunningApi, cookie: str) -> None:
    headers = {"cookie": cookie} if cookie else {}
    answer = login_api.client.get("/auth/callback?code=x&state=y", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "login_failed")


def test_a_plain_name_is_not_looked_at_under_tls(login_api: RunningApi) -> None:
    answer = login_api.client.get("/auth/callback?state=y", headers={"cookie": "clarivum.login=x"})
    assert answer.json()["detail"].startswith("This browser has not begun a login")


def test_signing_out_asks_where_the_request_comes_from(login_api: RunningApi) -> None:
    for headers in ({}, {"origin": "https://evil.example"}, {"origin": "null"}):
        answer = login_api.client.post("/auth/logout", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    ours = {"origin": LOGIN["CLARIVUM_BASE_URL"]}
    nothing_to_end = login_api.client.post("/auth/logout", headers=ours)
    assert (nothing_to_end.status_code, nothing_to_end.json()["ended"]) == (200, "this_browser")
    ours = {"origin": LOGIN["CLARIVUM_BASE_URL"], "cookie": "__Secure-authjs.session-token=broken; theme=dark"}
    answer = login_api.client.post("/auth/logout", headers=ours)  # nothing is left to end, so only the cookie goes
    assert answer.json() == {"location": f"{LOGIN['CLARIVUM_BASE_URL']}/", "ended": "this_browser"}
    deleted = answer.headers.get_list("set-cookie")
    assert len(deleted) == 1
    assert deleted[0].startswith("__Secure-authjs.session-token=; Path=/; Max-Age=0")


def test_the_sign_out_page_runs_only_its_own_script(login_api: RunningApi) -> None:
    first, second = (login_api.client.get("/auth/logout") for _ in range(2))
    policy = first.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert first.text.count(f'nonce="{nonce}"') == first.text.count("<script") == 1
    assert policy != second.headers["content-security-policy"]
    assert first.headers["cache-control"] == "no-store"


def test_many_logins_from_one_address_are_slowed(sample_urls: DatabaseUrls, tmp_path: Path) -> None:
    with running_api(sample_urls.app, tmp_path, **LOGIN) as api:
        statuses = [api.client.get("/auth/login?returnTo=//x").status_code for _ in range(62)]
    allowed = statuses.index(429)
    assert 0 < allowed <= 60  # less what other tests took: the rate is the address's, at whatever process
    assert set(statuses[:allowed]) == {400}
    assert statuses[-1] == 429


# -- what the settings must say ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", ["AUTH_AUTH0_SECRET", "AUTH_SECRET"])
def test_a_client_without_its_secrets_stops_the_start(missing: str, database_urls: DatabaseUrls) -> None:
    environment = {name: value for name, value in LOGIN.items() if name != missing}
    settings = Settings.load({**environment, "DATABASE_URL": database_urls.app})
    with pytest.raises(ConfigurationError, match=f"{missing} is missing"):
        build_app(application, settings)


def test_production_says_where_browsers_reach_it() -> None:
    production = {
        **{name: value for name, value in LOGIN.items() if name.startswith("AUTH")},
        "CLARIVUM_ENVIRONMENT": "production",
        "AUTH0_DOMAIN": "clarivum.eu.auth0.com",
        "DATABASE_URL": "postgresql://clarivum_api@db.example/clarivum",
    }
    with pytest.raises(ConfigurationError, match="CLARIVUM_BASE_URL is missing"):
        registration_of(Settings.load(production))
    with pytest.raises(ConfigurationError, match="CLARIVUM_BASE_URL"):
        Settings.load({**production, "CLARIVUM_BASE_URL": "http://api.example.org"})
    with pytest.raises(ConfigurationError, match="AUTH_AUTH0_SECRET"):
        Settings.load({**production, "AUTH_AUTH0_SECRET": "your-client-secret-goes-here-please"})
    registration = registration_of(Settings.load({**production, "CLARIVUM_BASE_URL": "https://api.example.org"}))
    assert registration is not None
    assert registration.redirect_uri == "https://api.example.org/auth/callback"
    assert registration.issuer == "https://clarivum.eu.auth0.com/"


@pytest.mark.parametrize(
    "url",
    [
        "api.example.org",
        "https://api.example.org/",
        "https://api.example.org/x",
        "https://a@b",
        "ftp://x",
        "https://",
        "https://x?y",
    ],
)
def test_a_base_url_is_an_origin(url: str) -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_BASE_URL"):
        Settings.load({"CLARIVUM_BASE_URL": url})


def test_development_is_this_machine_unless_said() -> None:
    assert base_url_of(Settings.load({"CLARIVUM_PORT": "8123"})) == "http://localhost:8123"
    assert registration_of(Settings.load({})) is None
    assert Settings.load(LOGIN).is_served_over_tls
    assert not Settings.load({**LOGIN, "CLARIVUM_BASE_URL": "http://localhost:8000"}).is_served_over_tls


def test_sessions_of_a_login_live_beside_bearer_tokens(login_api: RunningApi) -> None:
    answer: httpx.Response = login_api.client.get("/notes", headers=login_api.token("auth0|alice"))
    assert answer.status_code == 200
