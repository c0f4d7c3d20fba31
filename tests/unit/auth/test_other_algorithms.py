"""The algorithms a policy may allow beside RS256, each with a real key and signature."""

from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from clarivum.auth import TokenPolicy, TokenRefusedError, TokenVerifier
from tests.unit.auth.forge import SETTINGS, Endpoint, Forge, TurnedClock, claims, to_json

MAKE_KEY: dict[str, Callable[[], Any]] = {
    "RS384": lambda: RSAKey.generate_key(2_048),
    "RS512": lambda: RSAKey.generate_key(2_048),
    "PS256": lambda: RSAKey.generate_key(2_048),
    "PS384": lambda: RSAKey.generate_key(2_048),
    "PS512": lambda: RSAKey.generate_key(2_048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "ES512": lambda: ECKey.generate_key("P-521"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    "Ed448": lambda: OKPKey.generate_key("Ed448"),
}


@pytest.mark.parametrize("algorithm", MAKE_KEY)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_allowed_and_verified(algorithm: str) -> None:
    key = MAKE_KEY[algorithm]()
    endpoint = Endpoint(to_json({"keys": [{**key.as_dict(private=False), "kid": "k", "alg": algorithm}]}))
    token = jwt.encode({"alg": algorithm, "kid": "k"}, claims(), key, algorithms=[algorithm])
    verifier = TokenVerifier(SETTINGS, TurnedClock(), endpoint, policy=TokenPolicy(("RS256", algorithm)))
    assert (await verifier.verify(token)).subject == "auth0|alice"

    head, body, signature = token.split(".")
    for changed in (f"{head}.{body}.{signature[4:]}", f"{head}.{body}.{signature[4:8]}{signature[4:]}"):
        with pytest.raises(TokenRefusedError) as refused:
            await verifier.verify(changed)
        assert refused.value.log.startswith("signature")

    with pytest.raises(TokenRefusedError) as refused:
        await TokenVerifier(SETTINGS, TurnedClock(), endpoint).verify(token)
    assert refused.value.log.startswith("algorithm")


async def test_a_key_signs_only_by_the_algorithm_it_is_published_for(forge: Forge) -> None:
    """One RSA key, published for PS256: a true RS256 signature by it is refused although RS256 is allowed."""
    endpoint = Endpoint(to_json({"keys": [forge.published(alg="PS256")]}))
    token = forge.token()
    verifier = TokenVerifier(SETTINGS, TurnedClock(), endpoint, policy=TokenPolicy(("RS256", "PS256")))
    with pytest.raises(TokenRefusedError) as refused:
        await verifier.verify(token)
    assert refused.value.log.startswith("signature")
