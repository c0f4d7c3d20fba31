"""Who may call a route, and how often. Every route declares it; there is no default."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from clarivum.api.response import Scope
from clarivum.api.webhook import WebhookSignature
from clarivum.auth import ROLES, STAFF_ROLES
from clarivum.errors import MFA_REQUIRED, DeclarationError, RequestError

UNITS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
SIGNED_IN_RATE = "6000/minute"
SIGNED_RATE = "6000/minute"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` requests per caller in `window_s` seconds; a burst may use the whole limit at once."""

    limit: int
    window_s: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `10/minute`, or `5000/10 seconds`. Raises DeclarationError when it is neither, or not positive."""
        match = re.fullmatch(r"(\d{1,9})\s*/\s*(?:(\d{1,5})\s*)?(second|minute|hour|day)s?", text)
        limit, window_s = (int(match[1]), int(match[2] or 1) * UNITS_S[match[3]]) if match else (0, 0)
        if limit < 1 or window_s < 1:
            raise DeclarationError(f"rate {text!r} is not a bound: write it like '10/minute' or '5000/10 seconds'")
        return cls(limit, window_s)

    def __str__(self) -> str:
        return f"{self.limit} requests in {self.window_s} s"


@dataclass(frozen=True, slots=True)
class Access:
    """Made by the functions below. `roles` empty and `signed_in` true: any verified caller."""

    signed_in: bool
    roles: frozenset[str]
    rate: Rate | None
    mfa: bool = False
    """Whether the caller must have signed in with a second factor."""
    signature: WebhookSignature | None = None
    """What proves the caller of a webhook; tokens and cookies are then not looked at."""

    def __str__(self) -> str:
        if self.signature is not None:
            return f"whoever signs the body ({self.signature.header})"
        if not self.signed_in:
            return "anyone"
        who = f"role {' or '.join(sorted(self.roles))}" if self.roles else "authenticated"
        return f"{who}, with a second factor" if self.mfa else who


def second_factor_required(scope: Scope, step_up_path: str | None) -> RequestError:
    """The 401 for a caller who holds the role and not the second factor (RFC 9470), with where to get it."""
    extensions = {}
    if step_up_path is not None:
        return_to = quote(scope["path"]) if scope["method"] == "GET" else "/"
        extensions["step_up"] = f"{step_up_path}&returnTo={quote(return_to, safe='')}"
    return RequestError(
        "This route is for callers who signed in with a second factor.", code=MFA_REQUIRED, extensions=extensions
    )


def anyone(*, rate: str | None = None) -> Access:
    """No credentials needed. The rate per client address is not optional: declare it here or on the verb."""
    return Access(False, frozenset(), Rate.parse(rate) if rate else None)


def authenticated(*, rate: str = SIGNED_IN_RATE, mfa: bool = False) -> Access:
    """Any caller with a verified token, with a second factor if `mfa`; at most `rate` per subject."""
    return Access(True, frozenset(), Rate.parse(rate), mfa)


def signed(signature: WebhookSignature, *, rate: str = SIGNED_RATE) -> Access:
    """A webhook: whoever holds the secret and signed the body with it, at most `rate` per client address."""
    return Access(False, frozenset(), Rate.parse(rate), signature=signature)


def role(*names: str, rate: str = SIGNED_IN_RATE, mfa: bool | None = None) -> Access:
    """A verified caller who holds at least one of `names`; at most `rate` per subject.

    `mfa` asks for a second factor. Unless it is said, routes for staff alone ask for one.
    """
    if not names:
        raise DeclarationError("role() names no role: use authenticated() for any signed-in caller")
    for name in names:
        if name not in ROLES:
            raise DeclarationError(f"role({name!r}): the roles are {', '.join(ROLES)}")
    return Access(True, frozenset(names), Rate.parse(rate), STAFF_ROLES.issuperset(names) if mfa is None else mfa)
