"""What every answer tells browsers: each route, failure and page; and https alone where it is served so."""

import base64
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import RunningApi, running_api
from tests.integration.api.sample import application

SECRET = "Zq8v1R0u5yKx2mWc7TnB4eLh9dPs3gJf"
ON_ALL = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
PAGES = ("/docs", "/openapi.json", "/auth/logout")
LOGIN = {"AUTH_SECRET": SECRET, "AUTH_AUTH0_ID": "client", "AUTH_AUTH0_SECRET": SECRET}


@pytest.fixture(scope="module")
def site(sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    """Served behind TLS, with a login of its own, whose issuer does not answer."""
    https = {"CLARIVUM_BASE_URL": "https://api.example.org", "CLARIVUM_IDENTITY_URL": "http://127.0.0.1:9/"}
    with running_api(sample_urls.app, tmp_path_factory.mktemp("identity"), **LOGIN, **https) as api:
        yield api


def check(headers: httpx.Headers, path: str) -> None:
    assert {name: headers.get(name) for name in ON_ALL} == ON_ALL, path
    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    for directive in ("default-src", "base-uri", "form-action", "frame-ancestors"):
        assert policy[directive] == "'none'", path
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == ("no-cache" if path in PAGES[:2] else "no-store"), path
    assert "server" not in headers
    assert not any(name.startswith("access-control-") for name in headers)
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])


def parsed(raw: bytes) -> tuple[int, httpx.Headers]:
    lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    pairs = [(name, value) for name, _, value in (line.partition(b": ") for line in lines[1:])]
    return int(lines[0].split(b" ")[1]), httpx.Headers(pairs)


def paths() -> list[tuple[str, str]]:
    ours = [(route.method, re.sub(r"\{.*?\}", "x", route.path)) for route in application.routes]
    platform = ("/healthz", "/readyz", "/metrics", "/auth/csrf", "/auth/login", "/auth/callback", *PAGES)
    return [*ours, *(("GET", path) for path in platform), ("POST", "/auth/logout")]


@pytest.mark.parametrize(("method", "path"), paths())
@pytest.mark.parametrize("verb", ["its own", "HEAD", "TRACE"])
def test_every_route_answers_with_them(site: RunningApi, method: str, path: str, verb: str) -> None:
    answer = site.client.request(
        method if verb == "its own" else verb, path, headers={"origin": "https://evil.example"}
    )
    if verb == "TRACE":
        assert answer.status_code == 405
    check(answer.headers, path if answer.status_code == 200 else "")


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"nonsense\r\n\r\n"),
        (404, b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n"),
        (405, b"BREW /whoami HTTP/1.1\r\nhost: x\r\n\r\n"),
        (408, b"GET /whoami HTTP/1.1\r\nho"),
        (413, b"POST /notes HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nhost: x\r\ncookie: " + b"x" * 20_000 + b"\r\n\r\n"),
    ],
)
def test_every_refusal_of_a_connection_carries_them(
    sample_urls: DatabaseUrls, tmp_path: Path, status: int, sent: bytes
) -> None:
    settings = {"CLARIVUM_BASE_URL": "https://api.example.org", "CLARIVUM_RECEIVE_TIMEOUT_S": "0.3"}
    with running_api(sample_urls.app, tmp_path, **settings) as api:
        end = b"" if status == 408 else b"connection: close\r\n"
        raw = sent.replace(b"host: x\r\n", b"host: x\r\n" + end)
        found, headers = parsed(api.raw(raw))
    assert found == status
    check(headers, "")


def test_every_failure_of_a_route_carries_them(site: RunningApi) -> None:
    member, json = site.token(), {"content-type": "application/json"}
    failing = {
        400: ("POST", "/notes", b"{", {**member, **json}),
        401: ("GET", "/notes", b"", {"authorization": "Bearer x.y.z"}),
        403: ("GET", "/staff/role", b"", member),
        404: ("GET", "/notes/4b26c077-f3d7-4f8e-8965-cb7b5290a68f", b"", member),
        415: ("POST", "/notes", b"{}", {**member, "content-type": "text/plain"}),
        422: ("POST", "/notes", b"{}", {**member, **json}),
        500: ("GET", "/broken", b"", {}),
        503: ("GET", "/slow", b"", {}),
    }
    for status, (method, path, body, headers) in failing.items():
        answer = site.client.request(method, path, content=body, headers=headers)
        assert answer.status_code == status, path
        check(answer.headers, "")
    for _ in range(4):
        limited = site.client.get("/rare")
    assert limited.status_code == 429
    check(limited.headers, "")


def test_the_pages_own_style_is_the_only_one_that_applies(site: RunningApi) -> None:
    page = site.client.get("/docs")
    styles = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(sha256(styles[0].encode()).digest()).decode()
    assert len(styles) == 1
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    assert not re.search(r"\sstyle=|<script|\son\w+=|https?://(?!clarivum\.com)", page.text)


def test_over_plain_http_no_browser_is_told_to_keep_to_https(api: RunningApi) -> None:
    for path in ("/whoami", "/nowhere", "/docs"):
        assert "strict-transport-security" not in api.client.get(path).headers
    assert b"strict-transport-security" not in api.raw(b"nonsense\r\n\r\n").lower()


def test_a_token_in_the_url_is_not_read(site: RunningApi) -> None:
    token = site.token()["authorization"].removeprefix("Bearer ")
    for name in ("access_token", "token", "authorization", "jwt"):
        answer = site.client.get("/notes", params={name: token})
        assert answer.status_code == 401, "before anything is said about the parameter"
        assert token not in answer.text
