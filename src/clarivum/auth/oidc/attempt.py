"""One attempt to log in: what the browser keeps, sealed, between leaving for the issuer and coming back.

A compact JWE (RFC 7516, `dir` with A256GCM) under a key derived from AUTH_SECRET by HKDF-SHA256 (RFC 5869), so that
the browser can neither read it nor make one up.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.jwk import OctKey

LIFETIME_S = 600
MAX_SEALED_CHARACTERS = 4_000
_ALGORITHMS = ["dir", "A256GCM"]
_HEADER = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """`state` comes back in the callback's URL, `nonce` in the ID token, `verifier` is PKCE's (RFC 7636).

    `started_at` is in whole seconds since the epoch; `mfa` asks for a second factor.
    """

    state: str
    nonce: str
    verifier: str
    return_to: str
    mfa: bool
    started_at: int

    @classmethod
    def begin(cls, return_to: str, *, mfa: bool, now: float) -> "LoginAttempt":
        """A new attempt, with 256 random bits in each of its secrets."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, return_to, mfa, int(now))

    def is_over(self, now: float) -> bool:
        """Whether more than ten minutes have passed, or it began in the future."""
        return not self.started_at - 1 <= now < self.started_at + LIFETIME_S


class Seal:
    """Encrypts small values for one purpose. The first of `auth_secrets` seals; each of them opens."""

    def __init__(self, auth_secrets: Sequence[str], purpose: str) -> None:
        self._keys = [_derived(secret, purpose) for secret in auth_secrets]

    def close(self, content: bytes) -> str:
        """The sealed text: URL-safe, about a third longer than the content."""
        return jwe.encrypt_compact(_HEADER, content, self._keys[0], algorithms=_ALGORITHMS)

    def open(self, sealed: str) -> bytes | None:
        """The content; None for anything that was not sealed with one of the secrets for this purpose."""
        for key in self._keys:
            try:
                opened = jwe.decrypt_compact(sealed, key, algorithms=_ALGORITHMS)
            except Exception:  # noqa: S112 - joserfc, cryptography and binascii raise unrelated types for what is no such JWE
                continue
            if opened.headers() == _HEADER and opened.plaintext is not None:
                return opened.plaintext
        return None


def seal_attempt(attempt: LoginAttempt, seal: Seal) -> str:
    """The attempt as a cookie's value."""
    return seal.close(orjson.dumps(asdict(attempt)))


def open_attempt(sealed: str, seal: Seal, now: float) -> LoginAttempt | None:
    """The attempt; None when it was tampered with, is over, or is of another version of this program."""
    if len(sealed) > MAX_SEALED_CHARACTERS:
        return None
    content = seal.open(sealed)
    if content is None:
        return None
    try:
        attempt = LoginAttempt(**orjson.loads(content))
    except (TypeError, ValueError):
        return None
    return None if attempt.is_over(now) else attempt


def _derived(secret: str, purpose: str) -> OctKey:
    key = HKDF(SHA256(), 32, salt=b"", info=f"clarivum {purpose}".encode()).derive(secret.encode())
    return OctKey.import_key(key)
