"""Where a login may send the browser: own paths only, in whatever spelling another place is written."""

import pytest

from clarivum.auth.oidc.return_to import own_path
from clarivum.errors import INVALID_REDIRECT, RequestError

OWN = [
    ("", "/"),
    ("/", "/"),
    ("/account", "/account"),
    ("/account?tab=2&sort=-name", "/account?tab=2&sort=-name"),
    ("/account?next=https%3A%2F%2Felsewhere.example", "/account?next=https%3A%2F%2Felsewhere.example"),
    ("/account?next=//elsewhere", "/account?next=//elsewhere"),
    ("/a/b.c/~d/e_f-g", "/a/b.c/~d/e_f-g"),
    ("/za%C5%BC%C3%B3%C5%82%C4%87", "/za%C5%BC%C3%B3%C5%82%C4%87"),
    ("/members/alice@example.com", "/members/alice@example.com"),
    ("/docs#section-2", "/docs#section-2"),
    ("/authors", "/authors"),
    ("/50%25", "/50%25"),
]

ELSEWHERE = {
    "another host": "https://evil.example/",
    "another scheme": "javascript:alert(1)",
    "a data URL": "data:text/html,x",
    "scheme-relative": "//evil.example",
    "three slashes": "///evil.example",
    "four slashes": "////evil.example",
    "backslash for a slash": "/\\evil.example",
    "two backslashes": "\\\\evil.example",
    "backslash in front": "\\/evil.example",
    "backslash later": "/a\\b",
    "scheme without slashes": "https:evil.example",
    "scheme with one slash": "https:/evil.example",
    "userinfo": "https://clarivum.com@evil.example/",
    "userinfo after the slash": "/@evil.example",
    "userinfo encoded": "/%40evil.example",
    "user and password": "//clarivum.com:x@evil.example",
    "no slash in front": "evil.example",
    "a relative path": "account",
    "a dot": "./account",
    "a query alone": "?next=x",
    "a fragment alone": "#x",
    "slash encoded": "/%2Fevil.example",
    "slash encoded in lower case": "/%2fevil.example",
    "both slashes encoded": "%2F%2Fevil.example",
    "slash encoded twice": "/%252Fevil.example",
    "slash encoded three times": "/%25252Fevil.example",
    "slash encoded past counting": "/" + "%" + "25" * 9 + "2Fevil.example",
    "backslash encoded": "/%5Cevil.example",
    "backslash encoded twice": "/%255cevil.example",
    "a tab between the slashes": "/\t/evil.example",
    "a line feed between the slashes": "/\n/evil.example",
    "a carriage return between the slashes": "/\r/evil.example",
    "a tab, encoded": "/%09/evil.example",
    "a line break, encoded": "/%0D%0ASet-Cookie:%20x=y",
    "a header injected": "/a\r\nSet-Cookie: x=y",
    "NUL": "/\x00",
    "NUL encoded": "/%00",
    "DEL encoded": "/%7F",
    "a space in front": " /account",
    "a space in front, encoded": "/%20/evil.example",
    "a space inside": "/a b",
    "dots that climb to another host": "/..//evil.example",
    "dots that climb": "/a/../b",
    "dots, encoded": "/%2e%2e/evil.example",
    "one dot": "/./evil.example",
    "slashes later": "/a//evil.example",
    "a letter like a slash": "/\uff0fevil.example",
    "a letter like a backslash": "/\uff3cevil.example",
    "another letter like a slash": "/\u2044evil.example",
    "a letter of another script": "/zażółć",
    "a zero-width space": "/\u200b/evil.example",
    "a zero-width space, encoded": "/%E2%80%8B/evil.example",
    "text direction, encoded": "/%E2%80%AEevil",
    "a line separator, encoded": "/%E2%80%A8",
    "a byte order mark": "\ufeff/account",
    "a lone percent": "/100%",
    "a percent and one digit": "/%2",
    "markup": "/<script>",
    "a quote": '/"x',
    "a brace": "/{x}",
    "a second fragment": "/a#b#c",
    "the login itself": "/auth/login",
    "the login in capitals": "/AUTH/LOGIN",
    "the login, encoded": "/%61uth/logout",
    "the callback": "/auth/callback?code=x",
    "too long": "/" + "a" * 2_000,
}


@pytest.mark.parametrize(("text", "path"), OWN)
def test_own_paths_stay_as_they_are(text: str, path: str) -> None:
    assert own_path(text) == path


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        own_path(text)
    assert refused.value.code is INVALID_REDIRECT
    assert "evil" not in refused.value.detail
