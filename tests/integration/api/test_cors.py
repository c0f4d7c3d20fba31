"""Other origins' pages: none may read an answer, but those the settings name."""

from collections.abc import Iterator

import httpx
import pytest

from clarivum.api.cors import Cors
from clarivum.errors import ConfigurationError
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import RunningApi, running_api

APP = "https://app.example.org"
STRANGERS = (
    "https://evil.example",
    "http://app.example.org",
    "https://app.example.org:8443",
    "https://app.example.org.evil.example",
    "https://evil-app.example.org",
    "https://app.example.org/",
    "null",
    "*",
    "",
)


@pytest.fixture(scope="module")
def open_api(sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    listed = f"{APP}, http://localhost:3000"
    with running_api(sample_urls.app, tmp_path_factory.mktemp("identity"), CLARIVUM_CORS_ORIGINS=listed) as api:
        yield api


def preflight(api: RunningApi, path: str, origin: str, method: str = "PATCH") -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": "if-match"}
    return api.client.options(path, headers=headers)


def granted(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", [APP, "http://localhost:3000"])
def test_a_listed_origin_reads_answers_and_failures(open_api: RunningApi, origin: str) -> None:
    headers = {"origin": origin}
    for answer in (
        open_api.client.get("/whoami", headers=headers),
        open_api.client.get("/nowhere", headers=headers),
        open_api.client.get("/notes", headers=headers),
        open_api.client.get("/broken", headers=headers),
        open_api.client.get("/docs", headers=headers),
    ):
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "ratelimit-remaining" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "origin"


def test_its_preflight_is_answered_without_running_the_route(open_api: RunningApi) -> None:
    answer = preflight(open_api, "/notes/4b26c077-f3d7-4f8e-8965-cb7b5290a68f", APP)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "DELETE, GET, HEAD, PATCH"
    assert {"authorization", "if-match", "x-csrf-token", "idempotency-key"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"] == "origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert preflight(open_api, "/nowhere", APP).status_code == 404
    plain = open_api.client.options("/whoami", headers={"origin": APP})
    assert plain.status_code == 405, "no preflight: it asks for no method"


@pytest.mark.parametrize("origin", STRANGERS)
def test_any_other_origin_reads_nothing(open_api: RunningApi, origin: str) -> None:
    for answer in (
        open_api.client.get("/whoami", headers={"origin": origin}),
        preflight(open_api, "/whoami", origin),
    ):
        assert granted(answer) == []
        assert answer.headers["vary"] == "origin"
    assert preflight(open_api, "/whoami", origin).status_code == 405


def test_two_origins_are_none(open_api: RunningApi) -> None:
    raw = open_api.raw(
        b"GET /whoami HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: https://app.example.org\r\n"
        b"origin: https://evil.example\r\n\r\n"
    )
    assert b"access-control-" not in raw.lower()


@pytest.mark.parametrize("origin", [APP, *STRANGERS])
def test_closed_is_the_default(api: RunningApi, origin: str) -> None:
    answer = api.client.get("/whoami", headers={"origin": origin})
    assert granted(answer) == []
    assert "vary" not in answer.headers
    refused = preflight(api, "/whoami", origin)
    assert (refused.status_code, granted(refused)) == (405, [])


@pytest.mark.parametrize(
    "listed",
    ["*", "https://*.example.org", "https://app.example.org/", "app.example.org", "null", f"{APP}, *", "ftp://x", "x"],
)
def test_what_is_no_exact_origin_is_refused_by_the_variables_name(listed: str) -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_CORS_ORIGINS"):
        Cors.from_setting(listed, https_only=False)


def test_production_lists_https_only() -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_CORS_ORIGINS"):
        Cors.from_setting("http://app.example.org", https_only=True)
    assert Cors.from_setting(APP, https_only=True) is not None
    assert Cors.from_setting(" , ", https_only=True) is None
