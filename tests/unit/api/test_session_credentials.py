"""Who the caller of a request with a session cookie is: its access token decides, and it must be good in every way."""

import pytest

from clarivum.api.credentials import NO_ACCESS_TOKEN, SessionCredentials, session_credentials
from clarivum.api.request import Headers
from clarivum.auth import ANONYMOUS_PRINCIPAL, Principal, TokenVerifier
from clarivum.auth.cookies import SessionCookies, SessionReason, SessionRefusedError, SessionToken
from clarivum.auth.cookies.refusal import REFUSED
from clarivum.auth.csrf import CsrfTokens
from clarivum.auth.fetch import FetchError
from clarivum.auth.origins import Origins
from clarivum.errors import (
    CONFLICTING_CREDENTIALS,
    CSRF_FAILED,
    INVALID_SESSION,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Code,
    ConfigurationError,
    RequestError,
)
from clarivum.settings import Settings
from tests.unit.auth.cookie_forge import FORMATS, NAMES, SECRET, CookieForge
from tests.unit.auth.forge import AUDIENCE, NOW, SETTINGS, Endpoint, Forge, TurnedClock

CSRF_COOKIE = "__Host-clarivum.csrf"
OWN_PAGE = {b"host": b"api.example.org", b"origin": b"https://api.example.org"}
CHANGES = ["POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture
def sessions(clock: TurnedClock, verifier: TokenVerifier) -> SessionCredentials:
    return SessionCredentials(
        SessionCookies([SECRET], secure=True),
        CsrfTokens([SECRET], secure=True),
        Origins.from_setting("https://app.example.org", https_only=True),
        verifier,
        clock=clock,
    )


def sent(cookies: dict[str, str], headers: dict[bytes, bytes] | None = None) -> Headers:
    joined = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {b"cookie": joined.encode("latin-1"), **(headers or {})}


def session_of(token: str, format: str = "authjs", **changes: object) -> dict[str, str]:
    forge = CookieForge(format)
    return {forge.name: forge.value(**{"access_token": token, **changes})}


async def admitted(sessions: SessionCredentials, headers: Headers, method: str = "GET") -> Principal:
    return await sessions.admit(method, headers, ANONYMOUS_PRINCIPAL)


async def refusal(sessions: SessionCredentials, headers: Headers, method: str = "GET") -> RequestError:
    with pytest.raises(RequestError) as refused:
        await admitted(sessions, headers, method)
    return refused.value


@pytest.mark.parametrize("format", FORMATS)
async def test_the_access_token_inside_makes_the_principal(
    format: str, forge: Forge, sessions: SessionCredentials
) -> None:
    """Not what the cookie's own claims say."""
    claims = {"sub": "auth0|mallory", "email": "mallory@example.org", "role": "service_role", "roles": ["admin"]}
    principal = await admitted(sessions, sent(session_of(forge.token(), format, **claims)))
    assert principal.subject == "auth0|alice"
    assert principal.roles == {"member"}
    assert principal.email is None
    again = await admitted(sessions, sent(session_of(forge.token(), format)))
    assert again is principal  # the verified-token cache serves sessions too


async def test_a_session_cookie_of_no_session(sessions: SessionCredentials) -> None:
    headers = sent({"x.session-token": "y", "authjs.session-token": "planted over plain HTTP"})
    assert await admitted(sessions, headers) is ANONYMOUS_PRINCIPAL


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - 31},
        {"exp": NOW},
        {"iss": "https://clarivum.us.auth0.com/"},
        {"aud": "https://other.example.org"},
        {"nonce": "an ID token's"},
        {"sub": ""},
    ],
    ids=str,
)
async def test_an_access_token_that_is_refused(
    changes: dict[str, object], format: str, forge: Forge, clock: TurnedClock, sessions: SessionCredentials
) -> None:
    clock.turn(31)
    error = await refusal(sessions, sent(session_of(forge.token(**changes), format)))
    assert isinstance(error, SessionRefusedError)
    assert error.code is INVALID_SESSION
    assert error.reason is SessionReason.ACCESS_TOKEN
    assert error.detail == REFUSED


async def test_an_access_token_signed_by_nobody_we_know(stranger: Forge, sessions: SessionCredentials) -> None:
    error = await refusal(sessions, sent(session_of(stranger.token())))
    assert error.code is INVALID_SESSION
    assert error.log == "access_token: signature: the signature is not the key's, or the key is not for this alg"


async def test_set_up_mistakes_are_named(sessions: SessionCredentials) -> None:
    """No token stored; no audience asked for; a session kept in a database. Only the session's holder reads it."""
    forge = CookieForge("authjs")
    missing = await refusal(sessions, sent({forge.name: forge.value(access_token=...)}))
    assert (missing.code, missing.detail) == (INVALID_SESSION, NO_ACCESS_TOKEN)
    opaque = await refusal(sessions, sent(session_of("dGhpcyBpcyBhbiBvcGFxdWUgdG9rZW4")))
    assert opaque.code is INVALID_SESSION
    assert f"audience={AUDIENCE}" in opaque.detail
    id_only = await refusal(sessions, sent({forge.name: "3f1b8a10-4a0a-4f0b-9c3e-6b0a5a6f1c11"}))
    assert (id_only.code, id_only.detail) == (INVALID_SESSION, REFUSED)


async def test_the_token_may_expire_before_its_session(
    forge: Forge, clock: TurnedClock, sessions: SessionCredentials
) -> None:
    headers = sent(session_of(forge.token(exp=NOW + 100), exp=NOW + 3_600))
    assert (await admitted(sessions, headers)).subject == "auth0|alice"
    clock.turn(131)
    assert (await refusal(sessions, headers)).code is INVALID_SESSION


async def test_a_withdrawn_key_ends_sessions_too(
    forge: Forge,
    stranger: Forge,
    clock: TurnedClock,
    endpoint: Endpoint,
    verifier: TokenVerifier,
    sessions: SessionCredentials,
) -> None:
    headers = sent(session_of(forge.token()))
    await admitted(sessions, headers)
    endpoint.document = stranger.key_set()
    clock.turn(60)
    await verifier.warm()
    assert (await refusal(sessions, headers)).code is INVALID_SESSION


async def test_no_key_set_is_no_fault_of_the_session(
    forge: Forge, endpoint: Endpoint, sessions: SessionCredentials
) -> None:
    endpoint.document = FetchError("refused")
    assert (await refusal(sessions, sent(session_of(forge.token())))).code is UNAVAILABLE


async def test_beside_a_bearer_token(forge: Forge, verifier: TokenVerifier, sessions: SessionCredentials) -> None:
    headers = sent(session_of(forge.token()))
    alice = await verifier.verify(forge.token(jti="another"))
    bob = await verifier.verify(forge.token(sub="auth0|bob"))
    for method in ("GET", "POST"):  # with the header there is nothing to forge
        assert await sessions.admit(method, headers, alice) is alice
        with pytest.raises(RequestError) as conflict:
            await sessions.admit(method, headers, bob)
        assert conflict.value.code is CONFLICTING_CREDENTIALS
    with pytest.raises(SessionRefusedError):
        await sessions.admit("GET", sent({NAMES["authjs"]: "broken"}), alice)


async def test_a_revoked_session(forge: Forge, sessions: SessionCredentials) -> None:
    """Asked every time, also for a session in the cache."""
    asked: list[SessionToken] = []

    async def refuse_revoked(session: SessionToken) -> None:
        asked.append(session)
        if len(asked) > 2:
            raise SessionRefusedError(SessionReason.REVOKED, "signed out everywhere")

    sessions.refuse_revoked = refuse_revoked
    headers = sent(session_of(forge.token(), sid="s1"))
    for _ in range(2):
        await admitted(sessions, headers)
    assert asked[0].claims["sid"] == "s1"
    assert (await refusal(sessions, headers)).code is INVALID_SESSION
    with pytest.raises(SessionRefusedError):
        await sessions.csrf_token(headers)


@pytest.mark.parametrize("method", CHANGES)
async def test_a_change_needs_origin_and_token(method: str, forge: Forge, sessions: SessionCredentials) -> None:
    cookies = session_of(forge.token())
    token, _ = await sessions.csrf_token(sent(cookies))
    cookies[CSRF_COOKIE] = token
    proof = {b"x-csrf-token": token.encode()}
    for origin in (b"https://api.example.org", b"https://app.example.org"):
        good = sent(cookies, {**OWN_PAGE, b"origin": origin, **proof})
        assert (await admitted(sessions, good, method)).subject == "auth0|alice"
    for headers in (
        sent(cookies, OWN_PAGE),
        sent(cookies, proof),
        sent(cookies, {**OWN_PAGE, **proof, b"origin": b"https://evil.example"}),
        sent(cookies, {**OWN_PAGE, **proof, b"origin": b"null"}),
        sent(cookies, {**OWN_PAGE, b"x-csrf-token": b"guess"}),
        sent(cookies, {**OWN_PAGE, b"x-csrf-token": token.encode() + b", " + token.encode()}),
        sent(session_of(forge.token()), {**OWN_PAGE, **proof}),
    ):
        assert (await refusal(sessions, headers, method)).code is CSRF_FAILED


async def test_a_foreign_change_is_refused_before_anything_is_done_for_its_session(
    forge: Forge, sessions: SessionCredentials
) -> None:
    asked: list[SessionToken] = []

    async def refuse_revoked(session: SessionToken) -> None:
        asked.append(session)

    sessions.refuse_revoked = refuse_revoked
    headers = sent(session_of(forge.token()), {**OWN_PAGE, b"origin": b"https://evil.example"})
    assert (await refusal(sessions, headers, "POST")).code is CSRF_FAILED
    assert asked == []
    await admitted(sessions, headers)
    assert len(asked) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_reading_needs_none_of_it(method: str, forge: Forge, sessions: SessionCredentials) -> None:
    headers = sent(session_of(forge.token()), {b"origin": b"https://evil.example"})
    assert (await admitted(sessions, headers, method)).subject == "auth0|alice"


async def test_the_token_outlives_a_session_written_anew_but_not_another_login(
    forge: Forge, sessions: SessionCredentials
) -> None:
    async def answer(token: str, access_token: str, **changes: object) -> Code | None:
        cookies = {**session_of(access_token, **changes), CSRF_COOKIE: token}
        headers = sent(cookies, {**OWN_PAGE, b"x-csrf-token": token.encode()})
        try:
            await admitted(sessions, headers, "POST")
        except RequestError as error:
            return error.code
        return None

    token, _ = await sessions.csrf_token(sent(session_of(forge.token(), sid="s1")))
    assert await answer(token, forge.token(jti="refreshed"), sid="s1", iat=NOW, jti="another") is None
    assert await answer(token, forge.token(), sid="s2") is CSRF_FAILED
    assert await answer(token, forge.token(sub="auth0|bob"), sid="s1") is CSRF_FAILED
    token, _ = await sessions.csrf_token(sent(session_of(forge.token())))
    assert await answer(token, forge.token(jti="refreshed"), iat=NOW) is None
    assert await answer(token, forge.token(), sub="another user of the front end") is CSRF_FAILED


async def test_no_csrf_token_without_a_session(sessions: SessionCredentials) -> None:
    for headers in ({}, sent({"theme": "dark"})):
        with pytest.raises(RequestError) as refused:
            await sessions.csrf_token(headers)
        assert refused.value.code is UNAUTHENTICATED


async def test_the_base_url_is_an_own_origin_behind_a_proxy_that_writes_the_host_anew(
    forge: Forge, clock: TurnedClock, verifier: TokenVerifier
) -> None:
    settings = Settings.load({"AUTH_SECRET": SECRET, "CLARIVUM_BASE_URL": "https://api.example.org"})
    sessions = session_credentials(settings, verifier, clock)
    assert sessions is not None
    cookies = session_of(forge.token())
    token, _ = await sessions.csrf_token(sent(cookies))
    change = {**OWN_PAGE, b"host": b"10.0.0.7:8000", b"x-csrf-token": token.encode()}
    assert (await admitted(sessions, sent({**cookies, CSRF_COOKIE: token}, change), "POST")).subject == "auth0|alice"


def test_settings(verifier: TokenVerifier) -> None:
    assert session_credentials(SETTINGS, verifier) is None
    assert session_credentials(Settings.load({"NEXTAUTH_SECRET": SECRET}), verifier) is not None
    for secrets in ({}, {"AUTH_SECRET": SECRET}):
        with pytest.raises(ConfigurationError, match="CLARIVUM_ALLOWED_ORIGINS"):
            session_credentials(Settings.load({"CLARIVUM_ALLOWED_ORIGINS": "*", **secrets}), verifier)
