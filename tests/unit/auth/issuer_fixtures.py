"""An issuer and a verifier that trusts it. Keys are made once a run: a good one takes a tenth of a second."""

import pytest
from joserfc.jwk import RSAKey

from clarivum.auth import TokenVerifier
from tests.unit.auth.forge import SETTINGS, Endpoint, Forge, TurnedClock


@pytest.fixture(scope="session")
def forge() -> Forge:
    """The issuer's key."""
    return Forge(RSAKey.generate_key(2_048))


@pytest.fixture(scope="session")
def stranger() -> Forge:
    """A key that nobody published, under the published key's name."""
    return Forge(RSAKey.generate_key(2_048))


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def endpoint(forge: Forge) -> Endpoint:
    return Endpoint(forge.key_set())


@pytest.fixture
def verifier(clock: TurnedClock, endpoint: Endpoint) -> TokenVerifier:
    return TokenVerifier(SETTINGS, clock, endpoint)
