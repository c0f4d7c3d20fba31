"""The stand-in's authorization code grant, asked by our own OpenID Connect client, and by clients that cheat."""

import base64
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from clarivum.auth import TokenVerifier
from clarivum.auth.oidc import GrantRefusedError, LoginAttempt, OpenIdClient, Registration, check_id_token
from clarivum.auth.oidc.exchange import Answer
from clarivum.auth.standin import StandIn, stand_in_app
from clarivum.errors import RequestError
from clarivum.settings import Settings
from tests.unit.auth.forge import NOW, Endpoint, TurnedClock, to_json

DEVELOPMENT = Settings.load({})
CALLBACK = "http://localhost:8000/auth/callback"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture
def stand_in(folder: Path, clock: TurnedClock) -> StandIn:
    return StandIn(DEVELOPMENT, folder, clock)


@pytest.fixture
async def http(stand_in: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(stand_in_app(stand_in))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=stand_in.issuer) as client:
        yield client


@pytest.fixture
def client(stand_in: StandIn, http: httpx.AsyncClient, clock: TurnedClock) -> OpenIdClient:
    async def fetch(url: str) -> bytes:
        return (await http.get(url)).content

    async def post(url: str, headers: Mapping[str, str], body: str) -> Answer:
        form = {"content-type": "application/x-www-form-urlencoded", **headers}
        answer = await http.post(url, headers=form, content=body)
        return Answer(answer.status_code, answer.json())

    registration = Registration(stand_in.issuer, "tests", "any", CALLBACK, stand_in.audience)
    return OpenIdClient(registration, clock, fetch, post)


async def chosen(http: httpx.AsyncClient, url: str, **choice: str) -> dict[str, str]:
    """Fill in the page at `url` and return what comes back to the callback."""
    page = await http.get(url)
    assert page.status_code == 200
    assert "script" not in page.headers["content-security-policy"]
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form = {name: value.replace("&amp;", "&") for name, value in hidden.items()}
    answer = await http.post("/authorize", data={**form, "subject": "auth0|alice", "act": "enter", **choice})
    assert answer.status_code == 303
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(location.query).items()}


async def test_a_whole_login(
    stand_in: StandIn, client: OpenIdClient, http: httpx.AsyncClient, clock: TurnedClock
) -> None:
    attempt = LoginAttempt.begin("/", mfa=True, now=NOW)
    back = await chosen(http, await client.authorization_url(attempt), role_editor="on", mfa="on")
    assert (back["state"], back["iss"]) == (attempt.state, stand_in.issuer)
    tokens = await client.redeem(back["code"], attempt)
    verifier = TokenVerifier(DEVELOPMENT, clock, Endpoint(to_json(stand_in.key_set())))
    principal = await verifier.verify(tokens.access_token)
    assert (principal.subject, principal.roles, principal.mfa) == ("auth0|alice", {"editor"}, True)
    algorithm, claims = await verifier.signed_claims(tokens.id_token or "", stand_in.issuer)
    expected = {"issuer": stand_in.issuer, "client_id": "tests", "nonce": attempt.nonce, "algorithm": algorithm}
    assert check_id_token(claims, **expected, access_token=tokens.access_token, now=NOW) == "auth0|alice"
    with pytest.raises(RequestError):  # an ID token is no access token
        await verifier.verify(tokens.id_token or "")


async def test_a_refresh_token_is_spent_once(client: OpenIdClient, http: httpx.AsyncClient) -> None:
    attempt = LoginAttempt.begin("/", mfa=False, now=NOW)
    back = await chosen(http, await client.authorization_url(attempt), role_member="on")
    first = (await client.redeem(back["code"], attempt)).refresh_token
    assert first is not None
    second = (await client.refresh(first)).refresh_token
    assert second not in (None, first)
    with pytest.raises(GrantRefusedError):
        await client.refresh(first)
    assert await client.revoke(second or "")
    with pytest.raises(GrantRefusedError):
        await client.refresh(second or "")


async def test_whoever_declines_comes_back_without_a_code(client: OpenIdClient, http: httpx.AsyncClient) -> None:
    attempt = LoginAttempt.begin("/", mfa=False, now=NOW)
    back = await chosen(http, await client.authorization_url(attempt), act="decline")
    assert back["error"] == "access_denied"
    assert "code" not in back


@pytest.mark.parametrize(
    ("changes", "late_s"),
    [
        ({"code_verifier": "x" * 43}, 0),
        ({"code_verifier": ""}, 0),
        ({"redirect_uri": "http://localhost:9/auth/callback"}, 0),
        ({"client_id": "another"}, 0),
        ({"code": "guessed"}, 0),
        ({}, 60),
    ],
)
async def test_a_code_is_given_only_to_whom_it_is_for(
    client: OpenIdClient, http: httpx.AsyncClient, clock: TurnedClock, changes: dict[str, str], late_s: int
) -> None:
    attempt = LoginAttempt.begin("/", mfa=False, now=NOW)
    back = await chosen(http, await client.authorization_url(attempt))
    clock.turn(late_s)
    form = {
        "grant_type": "authorization_code",
        "client_id": "tests",
        "client_secret": "any",
        "code": back["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": attempt.verifier,
    }
    refused = await http.post("/oauth/token", data={**form, **changes})
    assert (refused.status_code, refused.json()["error"]) == (403, "invalid_grant")


GOOD = {
    "response_type": "code",
    "client_id": "tests",
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "code_challenge": "a" * 43,
    "code_challenge_method": "S256",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"response_type": "token"},
        {"client_id": "<script>"},
        {"redirect_uri": "https://evil.example/auth/callback"},
        {"redirect_uri": "http://localhost.evil.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "//localhost/"},
        {"redirect_uri": "http://localhost:8000/#x"},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"scope": "profile"},
        {"state": "x" * 1_001},
    ],
)
async def test_a_request_that_is_not_for_this_machine_or_without_pkce_shows_no_page(
    http: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    assert (await http.get("/authorize", params=GOOD)).status_code == 200
    refused = await http.get("/authorize", params={**GOOD, **changes})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


async def test_what_a_client_sends_is_shown_as_text(http: httpx.AsyncClient) -> None:
    page = await http.get("/authorize", params={**GOOD, "state": '"><script>alert(1)</script>'})
    assert "<script" not in page.text


async def test_signing_out_leads_only_to_this_machine(http: httpx.AsyncClient) -> None:
    back = await http.get("/oidc/logout", params={"post_logout_redirect_uri": "http://localhost:8000/"})
    assert (back.status_code, back.headers["location"]) == (303, "http://localhost:8000/")
    assert (await http.get("/oidc/logout")).status_code == 200
    elsewhere = await http.get("/oidc/logout", params={"post_logout_redirect_uri": "https://evil.example/"})
    assert elsewhere.status_code == 400


async def test_basic_credentials_that_are_none_are_refused(http: httpx.AsyncClient) -> None:
    for value in ("Basic ###", "Basic " + base64.b64encode(b"\xff:x").decode(), "Basic "):
        answer = await http.post("/oauth/token", data={"grant_type": "refresh_token"}, headers={"authorization": value})
        assert answer.status_code in (400, 401)
