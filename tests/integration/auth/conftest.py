"""One issuer's key for the folder."""

import pytest
from joserfc.jwk import RSAKey

from tests.unit.auth.forge import Forge


@pytest.fixture(scope="session")
def forge() -> Forge:
    return Forge(RSAKey.generate_key(2_048))
