"""What the claims of an access token must say (RFC 7519 section 4.1, RFC 8725). Pure: the time is an argument."""

import re
from collections.abc import Mapping
from typing import Any

from clarivum.auth.policy import CLOCK_SKEW_S, Issuer
from clarivum.auth.refusal import Reason, TokenRefusedError

# The first second of the year 10000: what lies beyond is no date.
MAX_TIME = 253_402_300_800
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
# Claims that only ID tokens and logout tokens carry (OpenID Connect Core 2 and 3.3.2.11, Back-Channel Logout 2.4).
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "events"})


def issuer_of(claims: Mapping[str, Any], issuers: Mapping[str, Issuer]) -> Issuer:
    """The configured issuer that `iss` names, exactly. Raises TokenRefusedError."""
    name = claims.get("iss")
    issuer = issuers.get(name) if isinstance(name, str) else None
    if issuer is None:
        raise TokenRefusedError(Reason.ISSUER, "iss is no configured issuer")
    return issuer


def check_claims(claims: Mapping[str, Any], issuer: Issuer, now: float) -> None:
    """Refuse what is not an access token for us, now. `now` is in seconds since the epoch.

    Raises TokenRefusedError.
    """
    check_audience(claims.get("aud"), issuer.audience)
    check_kind(claims)
    check_subject(claims.get("sub"))
    check_times(claims, now)


def check_audience(audience: object, expected: str) -> None:
    """Refuse a token that does not name our API: `aud` is its identifier, or a list of strings that holds it."""
    if isinstance(audience, str):
        named = audience == expected
    else:
        named = (
            isinstance(audience, list) and all(isinstance(entry, str) for entry in audience) and expected in audience
        )
    if not named:
        raise TokenRefusedError(Reason.AUDIENCE, "aud does not name this API")


def check_kind(claims: Mapping[str, Any]) -> None:
    """Refuse an ID token or a logout token, which are no access tokens."""
    foreign = _ID_TOKEN_CLAIMS & claims.keys()
    if foreign:
        raise TokenRefusedError(Reason.ID_TOKEN, f"carries {', '.join(sorted(foreign))}: no access token")


def check_subject(subject: object) -> None:
    """Refuse a token of nobody."""
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise TokenRefusedError(Reason.CLAIMS, "sub is missing, empty, too long or holds control characters")


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Refuse a token before or after its time, and times that are no whole seconds."""
    expires = _time(claims, "exp")
    if expires is None:
        raise TokenRefusedError(Reason.CLAIMS, "exp is missing")
    if now >= expires + CLOCK_SKEW_S:
        raise TokenRefusedError(Reason.EXPIRED, f"exp passed {now - expires:.0f} s ago")
    for name in ("nbf", "iat"):
        moment = _time(claims, name)
        if moment is not None and moment > now + CLOCK_SKEW_S:
            raise TokenRefusedError(Reason.NOT_YET_VALID, f"{name} is {moment - now:.0f} s ahead")


def _time(claims: Mapping[str, Any], name: str) -> int | None:
    """A NumericDate, whole seconds only; None when the claim is absent (a null is not absent)."""
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not int or not 0 <= value < MAX_TIME:
        raise TokenRefusedError(Reason.CLAIMS, f"{name} is no whole number of seconds")
    return value
