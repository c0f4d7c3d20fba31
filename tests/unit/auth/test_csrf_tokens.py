"""The double-submit token: header and cookie alike, signed, bound to its session."""

import pytest

from clarivum.auth.csrf import CsrfTokens
from clarivum.errors import CSRF_FAILED, RequestError
from tests.unit.auth.cookie_forge import OTHER_SECRET, SECRET

NAME = "__Host-clarivum.csrf"
SESSION = '["auth0|alice", "s1"]'


@pytest.fixture
def tokens() -> CsrfTokens:
    return CsrfTokens([SECRET], secure=True)


def refused(tokens: CsrfTokens, header: str | None, cookies: list[tuple[str, str]], session: str = SESSION) -> str:
    with pytest.raises(RequestError) as error:
        tokens.check(header, cookies, session)
    assert error.value.code is CSRF_FAILED
    assert "/auth/csrf" in error.value.detail
    assert error.value.log is not None
    return error.value.log


def test_what_is_issued_is_accepted(tokens: CsrfTokens) -> None:
    token, cookie = tokens.issue([], SESSION)
    assert cookie == f"{NAME}={token}; Path=/; HttpOnly; SameSite=Lax; Secure"
    tokens.check(token, [("theme", "dark"), (NAME, token)], SESSION)


def test_without_tls_no_prefix(tokens: CsrfTokens) -> None:
    plain = CsrfTokens([SECRET], secure=False)
    token, cookie = plain.issue([], SESSION)
    assert cookie == f"clarivum.csrf={token}; Path=/; HttpOnly; SameSite=Lax"
    plain.check(token, [("clarivum.csrf", token)], SESSION)
    refused(tokens, token, [("clarivum.csrf", token)])


def test_header_or_cookie_missing_or_different(tokens: CsrfTokens) -> None:
    token, _ = tokens.issue([], SESSION)
    other, _ = tokens.issue([], SESSION)
    assert token != other
    assert refused(tokens, None, [(NAME, token)]) == "no x-csrf-token header"
    assert refused(tokens, token, []) == "no cookie with the token, or several"
    assert refused(tokens, token, [(NAME, token), (NAME, token)]) == "no cookie with the token, or several"
    for header in (other, "", token + "A", token[:-1], f"{token}, {token}", token.upper(), "ä"):
        assert refused(tokens, header, [(NAME, token)]) == "header and cookie differ"


def test_another_session(tokens: CsrfTokens) -> None:
    """A token that a neighbour made for a session of their own is worth nothing in this one."""
    token, _ = tokens.issue([], SESSION)
    for session in ('["auth0|alice", "s2"]', '["auth0|bob", "s1"]', "", SESSION + " "):
        assert refused(tokens, token, [(NAME, token)], session) == "the token is not of this session"


@pytest.mark.parametrize("part", [0, 1])
def test_altered(tokens: CsrfTokens, part: int) -> None:
    token, _ = tokens.issue([], SESSION)
    parts = token.split(".")
    for position, letter in enumerate(parts[part]):
        other = list(parts)
        other[part] = parts[part][:position] + ("B" if letter == "A" else "A") + parts[part][position + 1 :]
        altered = ".".join(other)
        assert refused(tokens, altered, [(NAME, altered)]) == "the token is not of this session"


@pytest.mark.parametrize(
    "token", ["", "x", ".", "a.b", "." * 66, "A" * 66, "A" * 22 + "." + "A" * 43, "\ud800", "ä" * 66]
)
def test_made_up(tokens: CsrfTokens, token: str) -> None:
    refused(tokens, token, [(NAME, token)])


def test_rotated_secrets(tokens: CsrfTokens) -> None:
    token, _ = tokens.issue([], SESSION)
    CsrfTokens([OTHER_SECRET, SECRET], secure=True).check(token, [(NAME, token)], SESSION)
    refused(CsrfTokens([OTHER_SECRET], secure=True), token, [(NAME, token)])


def test_open_pages_share_one_token(tokens: CsrfTokens) -> None:
    token, _ = tokens.issue([], SESSION)
    again, cookie = tokens.issue([(NAME, token)], SESSION)
    assert again == token
    assert cookie.startswith(f"{NAME}={token};")
    for cookies in ([(NAME, token), (NAME, token)], [(NAME, "planted")], [(NAME, tokens.issue([], "another")[0])]):
        fresh, _ = tokens.issue(cookies, SESSION)
        assert fresh != token
        tokens.check(fresh, [(NAME, fresh)], SESSION)


def test_randomness_is_an_argument() -> None:
    fixed = CsrfTokens([SECRET], secure=True, random=bytes)
    assert fixed.issue([], SESSION) == fixed.issue([], SESSION)
