"""The identity stand-in: its key file, its tokens, its HTTP answers, and where it refuses to run."""

import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jws

from clarivum.auth import TokenVerifier
from clarivum.auth.standin import DEVELOPMENT_GRANT, StandIn, stand_in_app
from clarivum.errors import ConfigurationError, UsageError
from clarivum.settings import Settings
from tests.unit.auth.forge import NOW, Endpoint, TurnedClock, to_json

DEVELOPMENT = Settings.load({})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture
def stand_in(folder: Path, clock: TurnedClock) -> StandIn:
    return StandIn(DEVELOPMENT, folder, clock)


@pytest.fixture
def believer(stand_in: StandIn, clock: TurnedClock) -> TokenVerifier:
    """A verifier that knows the stand-in's published keys."""
    return TokenVerifier(DEVELOPMENT, clock, Endpoint(to_json(stand_in.key_set())))


@pytest.fixture
async def client(stand_in: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(stand_in_app(stand_in))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=stand_in.issuer) as client:
        yield client


def claims_of(token: str) -> dict[str, Any]:
    claims = json.loads(jws.extract_compact(token.encode()).payload)
    assert isinstance(claims, dict)
    return claims


async def test_a_token_for_a_person(stand_in: StandIn, believer: TokenVerifier) -> None:
    token = stand_in.issue("auth0|alice", ["member", "editor"], "alice@example.com", 3_600)
    principal = await believer.verify(token)
    assert principal.subject == "auth0|alice"
    assert principal.roles == {"member", "editor"}
    assert principal.email == "alice@example.com"
    assert principal.expires_at == NOW + 3_600
    assert not principal.is_machine
    assert stand_in.issue("auth0|alice") != stand_in.issue("auth0|alice")


@pytest.mark.parametrize(
    ("roles", "mfa", "expected"),
    [
        (["member"], None, False),
        (["editor"], None, True),
        (["member", "admin"], None, True),
        (["admin"], False, False),
        (["member"], True, True),
    ],
)
async def test_a_second_factor_comes_with_staff_roles_unless_said(
    stand_in: StandIn, believer: TokenVerifier, roles: list[str], mfa: bool | None, expected: bool
) -> None:
    assert (await believer.verify(stand_in.issue("auth0|alice", roles, mfa=mfa))).mfa is expected


async def test_a_token_for_a_machine(stand_in: StandIn, believer: TokenVerifier) -> None:
    principal = await believer.verify(stand_in.issue_to_machine("reports", scopes=["read:leads", "read:jobs"]))
    assert principal.subject == "reports@clients"
    assert principal.is_machine
    assert principal.scopes == {"read:leads", "read:jobs"}
    assert principal.roles == frozenset()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"sub": "auth0|a", "roles": ["root"]}, "no role 'root'"),
        ({"sub": ""}, "subject"),
        ({"sub": "a\nb"}, "subject"),
        ({"sub": "a" * 256}, "subject"),
        ({"sub": "a", "expires_in_s": 0}, "lives for"),
        ({"sub": "a", "expires_in_s": -5}, "lives for"),
        ({"sub": "a", "expires_in_s": 2_592_001}, "lives for"),
    ],
)
def test_what_is_not_issued(stand_in: StandIn, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        stand_in.issue(**arguments)


def test_the_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    data = tmp_path / "not" / "there" / "yet"
    first = StandIn(DEVELOPMENT, data)
    path = data / "identity-key.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(data) == ["identity-key.pem"]
    assert StandIn(DEVELOPMENT, data).key_set() == first.key_set()
    assert first.key_set()["keys"][0].keys() == {"kty", "n", "e", "kid", "alg", "use", "key_ops"}


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    StandIn(DEVELOPMENT, tmp_path)
    (tmp_path / "identity-key.pem").chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        StandIn(DEVELOPMENT, tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_key_file_that_holds_no_key_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "identity-key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="delete it"):
        StandIn(DEVELOPMENT, tmp_path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"AUTH0_DOMAIN": "clarivum.eu.auth0.com"}, "AUTH0_DOMAIN"),
        ({"CLARIVUM_IDENTITY_URL": "http://192.0.2.1:8001/"}, "CLARIVUM_IDENTITY_URL"),
        ({"CLARIVUM_IDENTITY_URL": "http://0.0.0.0:8001/"}, "CLARIVUM_IDENTITY_URL"),
        ({"CLARIVUM_IDENTITY_URL": "https://127.0.0.1:8001/"}, "CLARIVUM_IDENTITY_URL"),
        ({"CLARIVUM_IDENTITY_URL": "http://localhost.evil.example:8001/"}, "CLARIVUM_IDENTITY_URL"),
        ({"CLARIVUM_IDENTITY_URL": "http://127.0.0.1:8001/tenant/"}, "CLARIVUM_IDENTITY_URL"),
    ],
)
def test_where_it_does_not_run(tmp_path: Path, environment: dict[str, str], variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        StandIn(Settings.load(environment), tmp_path)
    assert os.listdir(tmp_path) == []


def test_it_does_not_run_in_production(tmp_path: Path) -> None:
    production = {
        "CLARIVUM_ENVIRONMENT": "production",
        "AUTH0_DOMAIN": "clarivum.eu.auth0.com",
        "DATABASE_URL": "postgresql://db/clarivum",
    }
    with pytest.raises(ConfigurationError, match="production"):
        StandIn(Settings.load(production), tmp_path)


def test_a_verifier_without_a_safe_issuer_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_IDENTITY_URL"):
        TokenVerifier(Settings.load({"CLARIVUM_IDENTITY_URL": "http://identity.example/"}))


async def test_metadata_and_keys(client: httpx.AsyncClient, stand_in: StandIn) -> None:
    metadata = (await client.get("/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == "http://127.0.0.1:8001/"
    assert metadata["token_endpoint"] == "http://127.0.0.1:8001/oauth/token"
    answer = await client.get(metadata["jwks_uri"])
    assert answer.json() == stand_in.key_set()
    assert answer.headers["content-type"] == "application/json"
    welcome = await client.get("/")
    assert "curl" in welcome.text
    assert welcome.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("encoding", ["json", "form"])
async def test_client_credentials(
    client: httpx.AsyncClient, stand_in: StandIn, believer: TokenVerifier, encoding: str
) -> None:
    request = {
        "grant_type": "client_credentials",
        "client_id": "reports",
        "client_secret": "any",
        "audience": stand_in.audience,
        "scope": "read:leads",
    }
    answer = await client.post("/oauth/token", **{"json" if encoding == "json" else "data": request})
    assert answer.status_code == 200
    content = answer.json()
    assert (content["token_type"], content["expires_in"], content["scope"]) == ("Bearer", 86_400, "read:leads")
    assert answer.headers["cache-control"] == "no-store"
    claims = claims_of(content["access_token"])
    assert claims["gty"] == "client-credentials"
    assert claims["azp"] == "reports"
    assert (await believer.verify(content["access_token"])).is_machine


async def test_the_development_grant(client: httpx.AsyncClient, believer: TokenVerifier) -> None:
    request = {
        "grant_type": DEVELOPMENT_GRANT,
        "sub": "auth0|bob",
        "role": "member admin",
        "email": "bob@example.com",
        "expires_in": "60",
    }
    answer = await client.post("/oauth/token", data=request)
    principal = await believer.verify(answer.json()["access_token"])
    assert (principal.subject, principal.email) == ("auth0|bob", "bob@example.com")
    assert principal.roles == {"member", "admin"}
    assert principal.expires_at == NOW + 60


FORM = "application/x-www-form-urlencoded"
CREDENTIALS = "grant_type=client_credentials&client_id=a&client_secret=b"
REFUSED: dict[str, tuple[str, bytes, int, str]] = {
    "empty": (FORM, b"", 403, "unsupported_grant_type"),
    "no grant type": (FORM, b"client_id=a", 403, "unsupported_grant_type"),
    "a grant for passwords": (FORM, b"grant_type=password&username=a&password=b", 403, "unsupported_grant_type"),
    "no audience": (FORM, CREDENTIALS.encode(), 403, "access_denied"),
    "another audience": (FORM, f"{CREDENTIALS}&audience=https://other".encode(), 403, "access_denied"),
    "no client": (FORM, b"grant_type=client_credentials&audience=https://api.clarivum.com", 401, "access_denied"),
    "no secret": (
        FORM,
        b"grant_type=client_credentials&client_id=a&audience=https://api.clarivum.com",
        401,
        "access_denied",
    ),
    "no subject": (FORM, f"grant_type={DEVELOPMENT_GRANT}".encode(), 400, "invalid_request"),
    "an unknown role": (FORM, f"grant_type={DEVELOPMENT_GRANT}&sub=a&role=root".encode(), 400, "invalid_request"),
    "a lifetime in words": (
        FORM,
        f"grant_type={DEVELOPMENT_GRANT}&sub=a&expires_in=1h".encode(),
        400,
        "invalid_request",
    ),
    "a parameter twice": (FORM, b"grant_type=client_credentials&grant_type=x", 400, "invalid_request"),
    "no form": (FORM, b"&&&", 400, "invalid_request"),
    "not UTF-8": (FORM, b"\xff\xfe", 400, "invalid_request"),
    "100 parameters": (FORM, b"&".join(b"a%d=1" % n for n in range(100)), 400, "invalid_request"),
    "JSON that is none": ("application/json", b"{", 400, "invalid_request"),
    "a JSON array": ("application/json", b"[]", 400, "invalid_request"),
    "a number in JSON": ("application/json", b'{"grant_type":1}', 400, "invalid_request"),
    "a JSON member twice": ("application/json", b'{"sub":"a","sub":"b"}', 400, "invalid_request"),
    "17 kB": (FORM, b"a=" + b"x" * 17_000, 413, "invalid_request"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_requests_that_get_no_token(client: httpx.AsyncClient, name: str) -> None:
    content_type, body, status, error = REFUSED[name]
    answer = await client.post("/oauth/token", content=body, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "access_token" not in answer.json()


async def test_other_paths_and_methods(client: httpx.AsyncClient) -> None:
    assert (await client.get("/userinfo")).status_code == 404
    for method, path, allowed in (("GET", "/oauth/token", "POST"), ("POST", "/.well-known/jwks.json", "GET")):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8001", "127.0.0.1.evil.example", "", "localhost:x"])
async def test_a_name_that_was_made_to_point_here_is_not_answered(client: httpx.AsyncClient, host: str) -> None:
    for path in ("/", "/.well-known/jwks.json"):
        assert (await client.get(path, headers={"host": host})).status_code == 421
    answer = await client.post("/oauth/token", headers={"host": host}, data={"grant_type": DEVELOPMENT_GRANT})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost:8001", "127.0.0.1", "[::1]:8001", "LOCALHOST"])
async def test_the_names_of_this_machine_are(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/", headers={"host": host})).status_code == 200
