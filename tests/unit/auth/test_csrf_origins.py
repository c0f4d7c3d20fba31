"""The Origin check: which pages may send changes, and how nobody talks their way past it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.auth.origins import Origins, RequestOrigin, parse_origin
from clarivum.errors import CSRF_FAILED, ConfigurationError, RequestError

TLS = Origins.from_setting("https://app.example.org, https://admin.example.org:8443", https_only=True)
PLAIN = Origins.from_setting("http://localhost:3000", https_only=False)
HOST = "api.example.org"


def refused(origins: Origins, request: RequestOrigin) -> str:
    with pytest.raises(RequestError) as error:
        origins.check(request)
    assert error.value.code is CSRF_FAILED
    assert error.value.code.status == 403
    assert error.value.log is not None
    return error.value.log


@pytest.mark.parametrize(
    "origin",
    [
        "https://api.example.org",
        "https://api.example.org:443",
        "HTTPS://API.Example.ORG",
        "https://app.example.org",
        "https://app.example.org:443",
        "https://admin.example.org:8443",
    ],
)
def test_own_and_listed_origins(origin: str) -> None:
    TLS.check(RequestOrigin(HOST, origin))
    TLS.check(RequestOrigin("API.example.org:443", origin))
    TLS.check(RequestOrigin(HOST, origin, fetch_site="cross-site", referer="https://evil.example"))  # Origin decides


FOREIGN = [
    "null",
    "NULL",
    "",
    "https://evil.example",
    "http://api.example.org",
    "https://api.example.org:8443",
    "https://api.example.org:80",
    "https://admin.example.org",
    "https://admin.example.org:443",
    "https://api.example.org.evil.example",
    "https://evilapi.example.org",
    "https://example.org",
    "https://sub.api.example.org",
    "https://api.example.org.",
    "https://api.example.org@evil.example",
    "https://api.example.org:443@evil.example",
    "https://evil.example/https://api.example.org",
    "https://evil.example#https://api.example.org",
    "https://evil.example\\@api.example.org",
    "https://user@api.example.org",
    "https://api.example.org/",
    "https://api.example.org/path",
    "https://api.example.org?",
    "https://api.example.org:",
    "https://api.example.org:0443x",
    "https://api.example.org:99999",
    "https://api.example.org:0",
    "https://api.example.org:-443",
    "https:api.example.org",
    "https:/api.example.org",
    "https:///api.example.org",
    "//api.example.org",
    "api.example.org",
    " https://api.example.org",
    "https://api.example.org ",
    "https://api.example.org\t",
    "https://api.example.org, https://api.example.org",
    "https://evil.example, https://api.example.org",
    "https://api.example.org https://evil.example",
    "https://api.example.org,https://app.example.org",
    "https://ap\u0131.example.org",
    "https://xn--api-example-org",
    "https://аpi.example.org",
    "https://api.example.org%00.evil.example",
    "https://api%2eexample.org",
    "https://api.example.org\x00",
    "ftp://api.example.org",
    "file://",
    "chrome-extension://api.example.org",
    "wss://api.example.org",
    "*",
    "https://*.example.org",
    "https://[::1]",
    "https://" + "a" * 600,
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_every_other_origin(origin: str) -> None:
    assert refused(TLS, RequestOrigin(HOST, origin)) == "Origin is not allowed"
    refused(TLS, RequestOrigin(HOST, origin, fetch_site="same-origin", referer="https://api.example.org/"))


@pytest.mark.parametrize("host", [None, "", "api.example.org, evil.example", "evil.example@api.example.org", ":443"])
def test_a_host_that_says_nothing(host: str | None) -> None:
    refused(TLS, RequestOrigin(host, "https://api.example.org"))
    TLS.check(RequestOrigin(host, "https://app.example.org"))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "api_1:8000"])
def test_in_development_http_is_an_own_origin(host: str) -> None:
    PLAIN.check(RequestOrigin(host, f"http://{host}"))
    PLAIN.check(RequestOrigin(host, f"https://{host}"))
    PLAIN.check(RequestOrigin(host, "http://localhost:3000"))
    refused(PLAIN, RequestOrigin(host, f"http://{host.rpartition(':')[0]}"))
    refused(TLS, RequestOrigin(host, f"http://{host}"))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "", "Same-Origin", "same-origin, same-origin"])
def test_without_origin_sec_fetch_site_decides(site: str) -> None:
    TLS.check(RequestOrigin(HOST, fetch_site="same-origin", referer="https://evil.example/"))
    refused(TLS, RequestOrigin(HOST, fetch_site=site, referer="https://api.example.org/"))


@pytest.mark.parametrize("path", ["", "/", "/page?x=https://evil.example", "?x", "#x", "/@evil"])
def test_without_both_the_referer_decides(path: str) -> None:
    TLS.check(RequestOrigin(HOST, referer=f"https://api.example.org{path}"))
    TLS.check(RequestOrigin(HOST, referer=f"https://app.example.org{path}"))
    refused(TLS, RequestOrigin(HOST, referer=f"http://api.example.org{path}"))
    refused(TLS, RequestOrigin(HOST, referer=f"https://api.example.org@evil.example{path}"))
    refused(TLS, RequestOrigin(HOST, referer=f"https://evil.example{path}"))
    refused(TLS, RequestOrigin(HOST, referer=f"https://evil.example\\.api.example.org{path}"))


@pytest.mark.parametrize("referer", ["", "about:blank", "null", "/leads", "https://", "data:text/html,x"])
def test_a_referer_of_nowhere(referer: str) -> None:
    refused(TLS, RequestOrigin(HOST, referer=referer))


def test_a_request_that_says_nothing_of_where_it_comes_from() -> None:
    assert refused(TLS, RequestOrigin(HOST)) == "neither Origin nor Sec-Fetch-Site nor Referer"


@given(st.text(max_size=60))
def test_any_text_as_origin(text: str) -> None:
    """What is read as an origin is one: written out again, it is the same text but for case and port."""
    origin = parse_origin(text)
    if origin is not None:
        scheme, host, port = origin
        assert text.lower() in {f"{scheme}://{host}", f"{scheme}://{host}:{port}", f"{scheme}://{host}:{port:05}"}


@pytest.mark.parametrize(
    "setting",
    [
        "*",
        "null",
        "app.example.org",
        "https://app.example.org/",
        "https://app.example.org/path",
        "https://*.example.org",
        "https://user@app.example.org",
        "http://app.example.org",
        "https://app.example.org https://admin.example.org",
    ],
)
def test_a_setting_that_is_no_list_of_origins(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_ALLOWED_ORIGINS") as bad:
        Origins.from_setting(f"https://fine.example.org, {setting}", https_only=True)
    assert "fine" not in bad.value.detail


def test_nothing_is_listed_by_default() -> None:
    assert refused(Origins.from_setting(" , ", https_only=False), RequestOrigin(HOST, "http://localhost:3000"))
