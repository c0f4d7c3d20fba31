"""An issuer's metadata, token answers and ID tokens: what is taken, and everything that is not."""

import base64
import hashlib
import json
from typing import Any

import pytest

from clarivum.auth.oidc.exchange import Answer
from clarivum.auth.oidc.id_token import IdTokenRefusedError, check_id_token
from clarivum.auth.oidc.provider import discovery_url, read_provider
from clarivum.auth.oidc.tokens import GrantFailedError, GrantRefusedError, TokenSet, read_tokens

ISSUER = "https://clarivum.eu.auth0.com/"
CLIENT = "console"
NOW = 1_793_000_000


def document(**changes: Any) -> bytes:
    """Auth0's own metadata, shortened; a change to `...` removes the member."""
    members = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}authorize",
        "token_endpoint": f"{ISSUER}oauth/token",
        "revocation_endpoint": f"{ISSUER}oauth/revoke",
        "end_session_endpoint": f"{ISSUER}oidc/logout",
        "code_challenge_methods_supported": ["S256", "plain"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        **changes,
    }
    return json.dumps({name: value for name, value in members.items() if value is not ...}).encode()


def test_the_document_lies_below_the_issuer() -> None:
    assert discovery_url(ISSUER) == "https://clarivum.eu.auth0.com/.well-known/openid-configuration"
    assert discovery_url("https://id.example/realm") == "https://id.example/realm/.well-known/openid-configuration"


def test_a_good_document_is_read() -> None:
    provider = read_provider(document(), ISSUER)
    assert provider.authorization_endpoint == f"{ISSUER}authorize"
    assert provider.client_authentication == "client_secret_basic"
    assert not provider.names_itself_in_callbacks
    plain = read_provider(document(end_session_endpoint=..., revocation_endpoint=None), ISSUER)
    assert plain.end_session_endpoint is plain.revocation_endpoint is None
    posted = read_provider(document(token_endpoint_auth_methods_supported=["client_secret_post"]), ISSUER)
    assert posted.client_authentication == "client_secret_post"


BAD_DOCUMENTS: dict[str, bytes] = {
    "no JSON": b"<html>",
    "a list": b"[]",
    "two issuers": document()[:-1] + b',"issuer":"https://evil.example/"}',
    "no issuer": document(issuer=...),
    "without the slash": document(issuer=ISSUER.rstrip("/")),
    "another case": document(issuer=ISSUER.upper()),
    "another issuer": document(issuer="https://evil.example/"),
    "no authorization endpoint": document(authorization_endpoint=...),
    "plain http": document(token_endpoint="http://clarivum.eu.auth0.com/oauth/token"),
    "loopback in its name": document(token_endpoint="http://127.0.0.1.evil.example/token"),
    "userinfo": document(token_endpoint="https://clarivum@evil.example/token"),
    "a fragment": document(authorization_endpoint=f"{ISSUER}authorize#x"),
    "a script": document(authorization_endpoint="javascript:alert(1)"),
    "a number": document(token_endpoint=1),
    "an open logout": document(end_session_endpoint="http://evil.example/"),
    "no S256": document(code_challenge_methods_supported=["plain"]),
    "no client secret": document(token_endpoint_auth_methods_supported=["private_key_jwt"]),
}


@pytest.mark.parametrize("raw", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_a_bad_document_is_not_used(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        read_provider(raw, ISSUER)
    assert "evil" not in str(refused.value)


TOKENS = {"access_token": "a.b.c", "token_type": "Bearer", "refresh_token": "r1", "id_token": "d.e.f", "expires_in": 60}


def test_tokens_are_read() -> None:
    assert read_tokens(Answer(200, TOKENS)) == TokenSet("a.b.c", "r1", "d.e.f")
    assert read_tokens(Answer(200, {"access_token": "a", "token_type": "bearer"})) == TokenSet("a", None, None)


def test_a_grant_that_is_not_taken_is_told_from_an_issuer_that_fails() -> None:
    with pytest.raises(GrantRefusedError):
        read_tokens(Answer(400, {"error": "invalid_grant", "error_description": "secret"}))
    for answer in (
        Answer(401, {"error": "invalid_client"}),
        Answer(400, {"error": "<script>"}),
        Answer(500, {}),
        Answer(200, {**TOKENS, "token_type": "DPoP"}),
        Answer(200, {"token_type": "Bearer"}),
        Answer(200, {**TOKENS, "access_token": "x" * 9_000}),
        Answer(200, {**TOKENS, "access_token": ""}),
        Answer(200, {**TOKENS, "access_token": "a\r\nb"}),
        Answer(200, {**TOKENS, "refresh_token": 1}),
        Answer(302, TOKENS),
    ):
        with pytest.raises(GrantFailedError) as failed:
            read_tokens(answer)
        assert "<" not in str(failed.value)


def id_token(**changes: Any) -> dict[str, Any]:
    claims = {"iss": ISSUER, "sub": "auth0|alice", "aud": CLIENT, "iat": NOW, "exp": NOW + 600, "nonce": "n", **changes}
    return {name: value for name, value in claims.items() if value is not ...}


def checked(claims: dict[str, Any], nonce: str = "n") -> str:
    return check_id_token(
        claims, issuer=ISSUER, client_id=CLIENT, nonce=nonce, algorithm="RS256", access_token="a.b.c", now=NOW + 1
    )


def test_a_good_id_token_names_its_subject() -> None:
    assert checked(id_token()) == "auth0|alice"
    assert checked(id_token(aud=[CLIENT])) == "auth0|alice"
    assert checked(id_token(aud=[CLIENT, "other"], azp=CLIENT)) == "auth0|alice"
    half = hashlib.sha256(b"a.b.c").digest()[:16]
    assert checked(id_token(at_hash=base64.urlsafe_b64encode(half).rstrip(b"=").decode())) == "auth0|alice"


BAD_ID_TOKENS: dict[str, dict[str, Any]] = {
    "another nonce": id_token(nonce="m"),
    "no nonce": id_token(nonce=...),
    "a nonce in a list": id_token(nonce=["n"]),
    "another client": id_token(aud="other"),
    "the client's beginning": id_token(aud="cons"),
    "another client in a list": id_token(aud=["other"]),
    "several clients, azp missing": id_token(aud=[CLIENT, "other"]),
    "several clients, azp the other": id_token(aud=[CLIENT, "other"], azp="other"),
    "azp another client": id_token(azp="other"),
    "no audience": id_token(aud=...),
    "another issuer": id_token(iss="https://evil.example/"),
    "no slash": id_token(iss=ISSUER.rstrip("/")),
    "no issuer": id_token(iss=...),
    "no subject": id_token(sub=...),
    "a number as subject": id_token(sub=7),
    "an empty subject": id_token(sub=""),
    "expired": id_token(exp=NOW - 60),
    "no expiry": id_token(exp=...),
    "a text as expiry": id_token(exp="never"),
    "from the future": id_token(iat=NOW + 300),
    "from an hour ago": id_token(iat=NOW - 3_600),
    "no time of issue": id_token(iat=...),
    "not valid yet": id_token(nbf=NOW + 300),
    "of another access token": id_token(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
}


@pytest.mark.parametrize("claims", BAD_ID_TOKENS.values(), ids=BAD_ID_TOKENS)
def test_a_bad_id_token_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(IdTokenRefusedError):
        checked(claims)
