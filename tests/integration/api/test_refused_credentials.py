"""Wrong credentials have a rate of their own: 429 before another is verified, and nothing for those that are good."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from clarivum.api.access import Rate
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import RunningApi, running_api

LIMIT = 20
ELSEWHERE = {"x-forwarded-for": "203.0.113.9"}
SECRET = "Zq8v1R0u5yKx2mWc7TnB4eLh9dPs3gJf"


def code(response: httpx.Response) -> str:
    return str(response.json()["code"])


@pytest.fixture
def api(database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApi]:
    monkeypatch.setattr("clarivum.api.resources.REFUSED_RATE", Rate(LIMIT, 3_600))
    settings = {"CLARIVUM_TRUSTED_PROXIES": "127.0.0.1/32", "AUTH_SECRET": SECRET, "CLARIVUM_RATE_LIMITS": "true"}
    with running_api(database_urls.app, tmp_path, **settings) as api:
        yield api


def wrong_tokens(api: RunningApi) -> Iterator[dict[str, str]]:
    """Tokens of ours with another signature, each a new one."""
    for number in itertools.count():
        good = api.token(f"auth0|{number}")["authorization"]
        yield {"authorization": good[:-8] + "AAAAAAAA"}


def exhaust(api: RunningApi) -> None:
    wrong = wrong_tokens(api)
    codes = [code(api.client.get("/whoami", headers=next(wrong))) for _ in range(LIMIT)]
    assert set(codes) == {"invalid_token"}


def test_too_many_wrong_tokens_from_one_address_are_429(api: RunningApi) -> None:
    known, unknown = api.token("auth0|known"), api.token("auth0|unknown")
    assert api.client.get("/whoami", headers=known).status_code == 200
    exhaust(api)
    refused = api.client.get("/whoami", headers=next(wrong_tokens(api)))
    assert (refused.status_code, code(refused)) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == (str(LIMIT), "0")
    assert api.client.get("/whoami", headers=unknown).status_code == 429, "nothing more is verified"
    assert api.client.get("/whoami", headers=known).status_code == 200, "what was verified before is known"
    assert api.client.get("/whoami").status_code == 200, "who sends no credentials has the route's own rate"
    assert api.client.get("/whoami", headers=unknown | ELSEWHERE).status_code == 200, "another address"


def test_wrong_sessions_count_as_well(api: RunningApi) -> None:
    cookie = {"cookie": "authjs.session-token=eyJhbGciOiJkaXIifQ..x.y.z"}
    codes = [code(api.client.get("/whoami", headers=cookie)) for _ in range(LIMIT + 1)]
    assert codes == ["invalid_session"] * LIMIT + ["rate_limited"]


def test_good_credentials_count_for_nothing(api: RunningApi) -> None:
    for number in range(2 * LIMIT):
        assert api.client.get("/whoami", headers=api.token(f"auth0|{number}")).status_code == 200


def test_what_is_not_refused_for_its_credentials_counts_for_nothing(api: RunningApi) -> None:
    lines = (
        "GET /whoami HTTP/1.1",
        "host: x",
        "authorization: Bearer a",
        "authorization: Bearer b",
        "connection: close",
    )
    twice = "\r\n".join((*lines, "", "")).encode()
    assert all(b" 400 " in api.raw(twice) for _ in range(LIMIT + 1))
    exhaust(api)


def test_limits_that_are_off_shut_nobody_out(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with running_api(database_urls.app, tmp_path, CLARIVUM_RATE_LIMITS="false") as api:
        wrong = wrong_tokens(api)
        codes = {code(api.client.get("/whoami", headers=next(wrong))) for _ in range(30)}
    assert codes == {"invalid_token"}
