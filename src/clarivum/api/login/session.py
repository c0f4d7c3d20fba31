"""What a session of our own login says, and when it wants to be written anew. Pure: the time is an argument.

The cookie is Auth.js v5's, so a Next.js front end with the same AUTH_SECRET reads it: `sub`, `name`, `email`,
`picture`, and `access_token`, `refresh_token`, `expires_at` as the Auth.js guides name them. Ours are `sid`,
`signed_in_at`, `issued_at` and `privileges`, which Auth.js carries along.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clarivum.auth import Principal
from clarivum.auth.cookies import SessionToken

IDLE_S = 12 * 3_600
TOKEN_LIFETIME_S = 8 * 3_600
"""No access token is used for longer, whatever the issuer allows."""
REISSUE_AFTER_S = 600
MARGIN_S = 300
_PROFILE = ("name", "email", "picture", "amr")
MAX_PROFILE_CHARACTERS = 500


def begin(profile: Mapping[str, Any], subject: str, tokens: "SessionTokens", now: float) -> dict[str, Any]:
    """The claims of a new session, under an id that no one had before. `profile` are the ID token's claims."""
    shown = {name: profile[name] for name in _PROFILE if _is_short(profile.get(name))}
    ours = {"sub": subject, "sid": new_session_id(), "signed_in_at": int(now)}
    return {**shown, **ours, **tokens.claims()}


def new_session_id() -> str:
    """128 random bits."""
    return secrets.token_urlsafe(16)


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """The issuer's tokens as a session keeps them, and what the access token proved."""

    access_token: str
    refresh_token: str | None
    principal: Principal

    def claims(self) -> dict[str, Any]:
        """Under the names of the Auth.js guides."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": int(self.principal.expires_at),
            "issued_at": int(self.principal.issued_at),
            "privileges": self.privileges,
        }

    @property
    def privileges(self) -> list[str]:
        """What a session may do: when that changes, the session gets another id, and the one before ends."""
        return sorted(self.principal.roles) + (["mfa"] if self.principal.mfa else [])


def session_id(session: SessionToken) -> str | None:
    """The id of a session that our own login began; None for one that a front end made."""
    sid, signed_in_at = session.claims.get("sid"), session.claims.get("signed_in_at")
    ours = session.format == "authjs" and isinstance(sid, str) and 0 < len(sid) <= 255 and type(signed_in_at) is int
    return sid if ours else None


def sealed_subject(session: SessionToken) -> str | None:
    """The person of a session that our own login began, by the seal alone, whatever became of its access token.

    None for a session that a front end made: its `sub` is the front end's own id.
    """
    subject = session.claims.get("sub")
    return subject if session_id(session) is not None and isinstance(subject, str) and subject else None


def last_moment(session: SessionToken, max_age_s: int) -> float:
    """When a session of our own login ends for good, in seconds since the epoch: `max_age_s` after the sign-in."""
    return float(session.claims["signed_in_at"] + max_age_s)


def refresh_due(session: SessionToken, now: float) -> bool:
    """Whether the access token is near its end: within five minutes or a fifth of its life, or eight hours old."""
    expires_at, issued_at = session.claims.get("expires_at"), session.claims.get("issued_at")
    if type(expires_at) is not int or type(issued_at) is not int:
        return False
    margin_s = min(MARGIN_S, (expires_at - issued_at) / 5)
    return now >= min(expires_at - margin_s, issued_at + TOKEN_LIFETIME_S - MARGIN_S)


def access_token_is_over(session: SessionToken, now: float) -> bool:
    """Whether the access token may not be used any more."""
    expires_at, issued_at = session.claims.get("expires_at"), session.claims.get("issued_at")
    if type(expires_at) is not int or type(issued_at) is not int:
        return False
    return now >= min(expires_at, issued_at + TOKEN_LIFETIME_S)


def reissue_due(session: SessionToken, now: float) -> bool:
    """Whether twelve idle hours should begin to count anew; not with every request, as a cookie is large."""
    return now >= session.issued_at + REISSUE_AFTER_S


def _is_short(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_PROFILE_CHARACTERS
    return isinstance(value, list) and len(value) <= 20 and all(isinstance(entry, str) for entry in value)
