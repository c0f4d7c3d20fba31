"""Tokens of every kind, good and bad, signed for real: what a test changes is the only thing wrong with them."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import RSAKey

from clarivum.auth.fetch import FetchError
from clarivum.settings import Settings

ISSUER = "https://clarivum.eu.auth0.com/"
AUDIENCE = "https://api.clarivum.com"
ROLES_CLAIM = "https://clarivum.com/roles"
START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
NOW = int(START.timestamp())
KEY_ID = "key-1"
SETTINGS = Settings.load({"AUTH0_DOMAIN": "clarivum.eu.auth0.com", "AUTH0_AUDIENCE": AUDIENCE})


class TurnedClock:
    """A clock whose hands only the test moves."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return 1_000.0 + self.elapsed_s

    def turn(self, seconds: float) -> None:
        self.elapsed_s += seconds


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to `...` removes the claim."""
    good = {
        "iss": ISSUER,
        "sub": "auth0|alice",
        "aud": [AUDIENCE, f"{ISSUER}userinfo"],
        "iat": NOW,
        "exp": NOW + 3_600,
        "azp": "b3RoZXIgY2xpZW50IGlk",
        "scope": "openid profile email",
        ROLES_CLAIM: ["member"],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def header(**changes: Any) -> dict[str, Any]:
    good = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


@dataclass(frozen=True)
class Forge:
    """An issuer's private key, which signs whatever it is given."""

    key: RSAKey
    key_id: str = KEY_ID

    def sign(self, signing_input: str) -> bytes:
        private = self.key.private_key
        assert private is not None
        return private.sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())

    def raw(self, header_bytes: bytes, payload: bytes) -> str:
        """A token over these very bytes."""
        return self.over(b64(header_bytes), b64(payload))

    def over(self, header_part: str, payload_part: str) -> str:
        """A token over parts that may be no base64url at all."""
        signing_input = f"{header_part}.{payload_part}"
        return f"{signing_input}.{b64(self.sign(signing_input))}"

    def token(self, _header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A good token but for the changed claims, under a good header unless one is given."""
        return self.raw(to_json(_header or header(kid=self.key_id)), to_json(claims(**changes)))

    def published(self, **changes: Any) -> dict[str, Any]:
        """The public JWK as Auth0 publishes it; a change to `...` removes the member."""
        good = {**self.key.as_dict(private=False), "kid": self.key_id, "alg": "RS256", "use": "sig"}
        return {name: value for name, value in {**good, **changes}.items() if value is not ...}

    def key_set(self, *others: "Forge") -> bytes:
        return to_json({"keys": [forge.published() for forge in (self, *others)]})


@dataclass
class Endpoint:
    """A place that answers with a key set, or fails, and counts how often it was asked. Passed as `fetch`."""

    document: bytes | Exception
    fetches: int = 0
    before_answer: Callable[[], Any] | None = None
    urls: list[str] = field(default_factory=list)

    async def __call__(self, url: str) -> bytes:
        self.fetches += 1
        self.urls.append(url)
        if self.before_answer is not None:
            await self.before_answer()
        if isinstance(self.document, Exception):
            raise self.document
        return self.document

    def break_down(self, why: str = "refused") -> None:
        self.document = FetchError(why)
