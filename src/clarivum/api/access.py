"""Who may call a route, and how often. Every route declares it; there is no default."""

import re
from dataclasses import dataclass

from clarivum.auth import ROLES
from clarivum.errors import DeclarationError

UNITS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
SIGNED_IN_RATE = "6000/minute"


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
    """Made by `anyone`, `authenticated` or `role`. `roles` empty and `signed_in` true: any verified caller."""

    signed_in: bool
    roles: frozenset[str]
    rate: Rate | None

    def __str__(self) -> str:
        if not self.signed_in:
            return "anyone"
        return f"role {' or '.join(sorted(self.roles))}" if self.roles else "authenticated"


def anyone(*, rate: str | None = None) -> Access:
    """No credentials needed. The rate per client address is not optional: declare it here or on the verb."""
    return Access(False, frozenset(), Rate.parse(rate) if rate else None)


def authenticated(*, rate: str = SIGNED_IN_RATE) -> Access:
    """Any caller with a verified token; at most `rate` per subject."""
    return Access(True, frozenset(), Rate.parse(rate))


def role(*names: str, rate: str = SIGNED_IN_RATE) -> Access:
    """A verified caller who holds at least one of `names`; at most `rate` per subject."""
    if not names:
        raise DeclarationError("role() names no role: use authenticated() for any signed-in caller")
    for name in names:
        if name not in ROLES:
            raise DeclarationError(f"role({name!r}): the roles are {', '.join(ROLES)}")
    return Access(True, frozenset(names), Rate.parse(rate))
