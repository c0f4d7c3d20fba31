"""An issuer for the folder."""

from tests.unit.auth.issuer_fixtures import clock, endpoint, forge, stranger, verifier

__all__ = ["clock", "endpoint", "forge", "stranger", "verifier"]
