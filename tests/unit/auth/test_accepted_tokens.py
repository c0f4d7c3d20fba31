"""Tokens that must get in: the policy is strict, not capricious."""

from typing import Any

import pytest

from clarivum.auth import Issuer, TokenVerifier
from tests.unit.auth.forge import (
    AUDIENCE,
    ISSUER,
    KEY_ID,
    NOW,
    ROLES_CLAIM,
    SETTINGS,
    Endpoint,
    Forge,
    TurnedClock,
    claims,
    header,
    to_json,
)

ACCEPTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as Auth0 issues it": ({}, {}),
    "typ at+jwt": ({"typ": "at+jwt"}, {}),
    "typ application/at+jwt": ({"typ": "application/at+jwt"}, {}),
    "no typ": ({"typ": ...}, {}),
    "certificate thumbprint in the header": ({"x5t": "dGh1bWI"}, {}),
    "unknown header member": ({"tenant": "eu"}, {}),
    "aud a string": ({}, {"aud": AUDIENCE}),
    "aud an array of one": ({}, {"aud": [AUDIENCE]}),
    "no iat": ({}, {"iat": ...}),
    "nbf now": ({}, {"nbf": NOW}),
    "nbf 30 s ahead": ({}, {"nbf": NOW + 30}),
    "iat 30 s ahead": ({}, {"iat": NOW + 30}),
    "exp 29 s ago": ({}, {"exp": NOW - 29}),
    "exp in the year 9999": ({}, {"exp": 253_402_300_799}),
    "subject with letters of any script": ({}, {"sub": "auth0|zażółć"}),
    "subject of a machine": ({}, {"sub": "reports@clients", "gty": "client-credentials"}),
    "no roles": ({}, {ROLES_CLAIM: ...}),
    "a claim named role": ({}, {"role": "service_role"}),
    "nested custom claim": ({}, {"https://clarivum.com/app": {"a": {"b": [1, 2.5, None, True]}}}),
}


@pytest.mark.parametrize("name", ACCEPTED)
async def test_accepted(name: str, forge: Forge, verifier: TokenVerifier) -> None:
    header_changes, claim_changes = ACCEPTED[name]
    expected = claims(**claim_changes)
    principal = await verifier.verify(forge.token(header(**header_changes), **claim_changes))
    assert principal.subject == expected["sub"]
    assert principal.expires_at == expected["exp"]
    assert principal.context.role == "authenticated"


async def test_white_space_in_the_json_is_allowed(forge: Forge, verifier: TokenVerifier) -> None:
    spaced = b' {\n "alg" : "RS256" , "kid" : "' + KEY_ID.encode() + b'" }\t'
    assert (await verifier.verify(forge.raw(spaced, to_json(claims())))).subject == "auth0|alice"


async def test_a_token_as_large_as_the_limit_and_one_byte_more(forge: Forge, verifier: TokenVerifier) -> None:
    """8,192 characters pass; the next longer token of the same make does not."""

    def padded(size: int) -> str:
        return forge.token(padding="x" * size)

    size = next(size for size in range(5_000, 6_200) if len(padded(size)) > 8_192)
    assert len(padded(size - 1)) <= 8_192
    assert (await verifier.verify(padded(size - 1))).subject == "auth0|alice"
    with pytest.raises(Exception, match="not accepted") as refused:
        await verifier.verify(padded(size))
    assert refused.value.log.startswith("too_large")


async def test_two_issuers_during_a_move_to_a_custom_domain(forge: Forge, stranger: Forge, clock: TurnedClock) -> None:
    """Both are believed, each with its own keys: neither's key signs for the other, though `kid` is the same."""
    custom = "https://login.clarivum.com/"
    documents = {
        f"{ISSUER}.well-known/jwks.json": forge.key_set(),
        f"{custom}.well-known/jwks.json": stranger.key_set(),
    }

    async def fetch(url: str) -> bytes:
        return documents[url]

    issuers = [Issuer(ISSUER, AUDIENCE), Issuer(custom, AUDIENCE)]
    verifier = TokenVerifier(SETTINGS, clock, fetch, issuers=issuers)
    assert (await verifier.verify(forge.token())).subject == "auth0|alice"
    assert (await verifier.verify(stranger.token(iss=custom))).subject == "auth0|alice"
    for crossed in (forge.token(iss=custom), stranger.token()):
        with pytest.raises(Exception, match="not accepted") as refused:
            await verifier.verify(crossed)
        assert refused.value.log.startswith("signature")


async def test_the_issuer_without_its_last_slash_is_another_issuer(forge: Forge, endpoint: Endpoint) -> None:
    bare = ISSUER.rstrip("/")
    verifier = TokenVerifier(SETTINGS, TurnedClock(), endpoint, issuers=[Issuer(bare, AUDIENCE)])
    assert (await verifier.verify(forge.token(iss=bare))).subject == "auth0|alice"
    with pytest.raises(Exception, match="not accepted") as refused:
        await verifier.verify(forge.token())
    assert refused.value.log.startswith("issuer")
    assert endpoint.urls == [f"{bare}/.well-known/jwks.json"]
