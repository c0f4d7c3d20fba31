"""An issuer whose tokens the API's sessions hold."""

from tests.unit.auth.issuer_fixtures import clock, endpoint, forge, stranger, verifier

__all__ = ["clock", "endpoint", "forge", "stranger", "verifier"]
