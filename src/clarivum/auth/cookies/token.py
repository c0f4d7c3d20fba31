"""What an opened session cookie says, and until when it may be believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clarivum.auth.claims import MAX_TIME
from clarivum.auth.cookies.chunks import Format, SessionName
from clarivum.auth.cookies.refusal import SessionReason, SessionRefusedError
from clarivum.auth.policy import CLOCK_SKEW_S

ACCESS_TOKEN_CLAIMS = ("access_token", "accessToken")
"""Where a session keeps its access token, by the convention of the Auth.js guides; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A session whose seal and times are good. Its access token is not verified yet.

    Times in seconds since the epoch. `issued_at` is 0 when the cookie does not say, older than any revocation.
    `cookie` is the name it came under, without a chunk's number.
    """

    claims: Mapping[str, Any]
    access_token: str | None
    issued_at: float
    expires_at: float
    format: Format
    cookie: str

    def __repr__(self) -> str:
        """Without claims and token, which must not reach a log."""
        return f"SessionToken(format={self.format!r}, cookie={self.cookie!r}, expires_at={self.expires_at})"


def session_token(
    claims: dict[str, Any], name: SessionName, now: float, access_token_claims: Sequence[str] = ACCESS_TOKEN_CLAIMS
) -> SessionToken:
    """Check the times of opened claims. Raises SessionRefusedError."""
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    not_before = _time(claims, "nbf")
    if expires_at is None:
        raise SessionRefusedError(SessionReason.CLAIMS, "exp is missing")
    if now >= expires_at + CLOCK_SKEW_S:
        raise SessionRefusedError(SessionReason.EXPIRED, f"exp passed {now - expires_at:.0f} s ago")
    for claim, moment in (("iat", issued_at), ("nbf", not_before)):
        if moment is not None and moment > now + CLOCK_SKEW_S:
            raise SessionRefusedError(SessionReason.NOT_YET_VALID, f"{claim} is {moment - now:.0f} s ahead")
    return SessionToken(
        claims=claims,
        access_token=_access_token(claims, access_token_claims),
        issued_at=float(issued_at or 0),
        expires_at=float(expires_at),
        format=name.format,
        cookie=name.name,
    )


def _access_token(claims: Mapping[str, Any], names: Sequence[str]) -> str | None:
    value = next((claims[name] for name in names if name in claims), None)
    if value is not None and not isinstance(value, str):
        raise SessionRefusedError(SessionReason.ACCESS_TOKEN, "the access token is no string")
    return value or None


def _time(claims: Mapping[str, Any], name: str) -> int | None:
    """A NumericDate in whole seconds, as both packages write it; None when the claim is absent (a null is not)."""
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not int or not 0 <= value < MAX_TIME:
        raise SessionRefusedError(SessionReason.CLAIMS, f"{name} is no whole number of seconds")
    return value
