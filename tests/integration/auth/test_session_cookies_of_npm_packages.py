"""Session cookies exchanged with the real packages: next-auth 4 and @auth/core 0.41 (Auth.js v5), both directions."""

import json
from collections.abc import Iterator

import pytest

from clarivum.auth.cookies import SessionCookies, SessionRefusedError, SessionToken
from clarivum.clock import SYSTEM_CLOCK
from tests.integration.auth.front_end import SECRET, FrontEnd, running_front_end

OLD_SECRET = "what the secret was before 7Hq2vLmZr"
FORMATS = ("authjs", "nextauth")
BASE_NAMES = {"authjs": "authjs.session-token", "nextauth": "next-auth.session-token"}
SIZES = {"one cookie": 100, "two": 4_000, "several": 9_000}


@pytest.fixture(scope="module")
def front_end() -> Iterator[FrontEnd]:
    with running_front_end() as front_end:
        yield front_end


def now() -> float:
    return SYSTEM_CLOCK.now().timestamp()


def name_of(format: str, secure: bool) -> str:
    return ("__Secure-" if secure else "") + BASE_NAMES[format]


def read(cookies: SessionCookies, pairs: list[tuple[str, str]], at: float | None = None) -> SessionToken:
    session = cookies.read(pairs, now() if at is None else at)
    assert session is not None
    return session


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("format", FORMATS)
def test_what_the_packages_write_is_read(format: str, secure: bool, size: str, front_end: FrontEnd) -> None:
    token = {"name": "Zoë 🙂", "sub": "x", "access_token": "t" * SIZES[size], "expires_at": 1}
    pairs = front_end.cookies(format, name_of(format, secure), token, maxAge=600)
    assert (len(pairs) > 1) is (size != "one cookie")
    session = read(SessionCookies([SECRET], secure=secure), pairs[::-1])
    assert {key: session.claims[key] for key in token} == token
    assert session.access_token == token["access_token"]
    assert (session.format, session.cookie) == (format, name_of(format, secure))
    assert session.expires_at - session.issued_at == 600
    assert abs(session.issued_at - now()) < 60


@pytest.mark.parametrize("format", FORMATS)
def test_chunks_are_as_long_as_theirs(format: str, front_end: FrontEnd) -> None:
    chunks = front_end.result(format=format, act="chunk", name=name_of(format, True), value="x" * 9_000)
    assert len(chunks[0]["value"]) == {"authjs": 3_936, "nextauth": 3_933}[format]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("secure", [True, False])
def test_what_we_write_auth_js_reads(secure: bool, size: str, front_end: FrontEnd) -> None:
    """By way of getToken, as a Next.js route would."""
    content = {"name": "Zoë 🙂", "sub": "auth0|zoe", "access_token": "t" * min(SIZES[size], 8_000)}
    written = SessionCookies([SECRET], secure=secure).write(content, now=now(), max_age_s=600)
    header = "; ".join(cookie.partition(";")[0] for cookie in written)
    request = {"format": "authjs", "act": "read", "cookie": header, "name": name_of("authjs", secure)}
    token = front_end.result(**request, secret=SECRET)
    assert {key: token[key] for key in content} == content
    assert token["exp"] - token["iat"] == 600
    assert front_end.result(**request, secret=[OLD_SECRET, SECRET]) == token
    assert front_end.result(**request, secret=OLD_SECRET) is None


def test_our_chunks_are_cut_where_auth_js_cuts(front_end: FrontEnd) -> None:
    name = name_of("authjs", True)
    written = SessionCookies([SECRET], secure=True).write({"x": "x" * 7_000}, now=now(), max_age_s=600)
    ours = [tuple(cookie.partition(";")[0].split("=", 1)) for cookie in written]
    theirs = front_end.result(format="authjs", act="chunk", name=name, value="".join(value for _, value in ours))
    assert ours == [(chunk["name"], chunk["value"]) for chunk in theirs]


@pytest.mark.parametrize("format", FORMATS)
def test_secrets_are_rotated(format: str, front_end: FrontEnd) -> None:
    """A session sealed with the old secret lives on beside the new one, and ends when the old one is taken away."""
    pairs = front_end.cookies(format, name_of(format, True), {"access_token": "t"}, secret=OLD_SECRET)
    assert read(SessionCookies([SECRET, OLD_SECRET], secure=True), pairs).access_token == "t"
    with pytest.raises(SessionRefusedError):
        SessionCookies([SECRET], secure=True).read(pairs, now())


def test_a_list_of_secrets_seals_with_the_first(front_end: FrontEnd) -> None:
    pairs = front_end.cookies("authjs", name_of("authjs", True), {"access_token": "t"}, secret=[SECRET, OLD_SECRET])
    assert read(SessionCookies([SECRET], secure=True), pairs).access_token == "t"


@pytest.mark.parametrize("format", FORMATS)
def test_sessions_end(format: str, front_end: FrontEnd) -> None:
    cookies = SessionCookies([SECRET], secure=True)
    pairs = front_end.cookies(format, name_of(format, True), {"access_token": "t"}, maxAge=10)
    assert read(cookies, pairs)
    with pytest.raises(SessionRefusedError, match="sign in again"):
        cookies.read(pairs, now() + 60)


def test_a_v5_session_under_another_name(front_end: FrontEnd) -> None:
    """The name is the salt: neither side opens it."""
    pairs = front_end.cookies("authjs", "authjs.session-token", {"access_token": "t"})
    renamed = [("__Secure-authjs.session-token", pairs[0][1])]
    with pytest.raises(SessionRefusedError):
        SessionCookies([SECRET], secure=True).read(renamed, now())
    header = f"{renamed[0][0]}={renamed[0][1]}"
    assert front_end.result(format="authjs", act="read", cookie=header, name=renamed[0][0], secret=SECRET) is None


def test_v4_opens_no_session_of_v5_and_we_neither(front_end: FrontEnd) -> None:
    [(_, value)] = front_end.cookies("authjs", name_of("authjs", True), {"access_token": "t"})
    assert "error" in front_end.ask(format="nextauth", act="open", value=value, secret=SECRET)
    with pytest.raises(SessionRefusedError):
        SessionCookies([SECRET], secure=True).read([(name_of("nextauth", True), value)], now())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("format", FORMATS)
def test_what_a_whole_application_sets_at_sign_in(format: str, size: str, front_end: FrontEnd) -> None:
    """The packages' own handlers: sign-in, jwt callback, cookies."""
    token = {"access_token": "t" * SIZES[size]}
    answer = front_end.result(format=format, act="signIn", secret=SECRET, token=token)
    session = read(SessionCookies([SECRET], secure=True), [(name, value) for name, value in answer["cookies"]])
    assert session.cookie == name_of(format, True)
    assert session.access_token == token["access_token"]
    assert session.claims["name"] == "Zoë"


def test_a_whole_application_goes_on_with_the_session_we_wrote(front_end: FrontEnd) -> None:
    """It reads ours, writes it anew in place of it, and we read that."""
    cookies = SessionCookies([SECRET], secure=True)
    written = cookies.write({"sub": "auth0|zoe", "access_token": "t" * 5_000, "sid": "s1"}, now=now(), max_age_s=600)
    sent = [cookie.partition(";")[0] for cookie in written]
    answer = front_end.result(format="authjs", act="session", secret=[SECRET, OLD_SECRET], cookie="; ".join(sent))
    assert json.loads(answer["body"])["stored"] == "t" * 5_000
    again = read(cookies, [(name, value) for name, value in answer["cookies"]])
    assert again.access_token == "t" * 5_000
    assert (again.claims["sub"], again.claims["sid"]) == ("auth0|zoe", "s1")
