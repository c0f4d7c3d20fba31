"""One attempt to log in: what the browser keeps, sealed, between leaving for the issuer and coming back."""

import secrets
from dataclasses import asdict, dataclass

import orjson

from clarivum.auth.seal import Seal

LIFETIME_S = 600
MAX_SEALED_CHARACTERS = 4_000


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
