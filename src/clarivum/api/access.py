"""Who may call a route, and how often. Every route declares it; there is no default."""

import re
from dataclasses import dataclass

from clarivum.api.webhook import WebhookSignature
from clarivum.auth import ROLES, STAFF_ROLES
from clarivum.errors import DeclarationError

UNITS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
SIGNED_IN_RATE = "6000/minute"
SIGNED_RATE = "6000/minute"
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")
"""A scope-token of RFC 6749, section 3.3."""


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
    scope: str | None = None
    """What every caller's token must hold."""
    machine_scope: str | None = None
    """What lets a machine in, a caller with client credentials; None: only people are."""

    def __str__(self) -> str:
        if self.signature is not None:
            return f"whoever signs the body ({self.signature.header})"
        if not self.signed_in:
            return "anyone"
        who = f"role {' or '.join(sorted(self.roles))}" if self.roles else "authenticated"
        if self.scope is not None:
            who += f", with the scope {self.scope}"
        if self.mfa:
            who += ", with a second factor"
        if self.machine_scope is not None and self.scope is None:
            who += f"; machines with the scope {self.machine_scope}"
        return who


def anyone(*, rate: str | None = None) -> Access:
    """No credentials needed. The rate per client address is not optional: declare it here or on the verb."""
    return Access(False, frozenset(), Rate.parse(rate) if rate else None)


def authenticated(
    *, rate: str = SIGNED_IN_RATE, mfa: bool = False, scope: str | None = None, machines: str | None = None
) -> Access:
    """Any caller with a verified token, with a second factor if `mfa`; at most `rate` per subject.

    `scope` is what every caller's token must hold, in `scope` or `permissions`. A machine's token (client credentials)
    opens only routes that name a scope: that one, or the one in `machines`, which people need not hold. No machine is
    asked for a second factor.
    """
    return Access(True, frozenset(), Rate.parse(rate), mfa, scope=scope, machine_scope=_machine_scope(scope, machines))


def signed(signature: WebhookSignature, *, rate: str = SIGNED_RATE) -> Access:
    """A webhook: whoever holds the secret and signed the body with it, at most `rate` per client address."""
    return Access(False, frozenset(), Rate.parse(rate), signature=signature)


def role(
    *names: str,
    rate: str = SIGNED_IN_RATE,
    mfa: bool | None = None,
    scope: str | None = None,
    machines: str | None = None,
) -> Access:
    """A verified caller who holds at least one of `names`; at most `rate` per subject.

    `mfa` asks for a second factor. Unless it is said, routes for staff alone ask for one. `scope` and `machines` are
    those of `authenticated`; a machine needs the role as well.
    """
    if not names:
        raise DeclarationError("role() names no role: use authenticated() for any signed-in caller")
    for name in names:
        if name not in ROLES:
            raise DeclarationError(f"role({name!r}): the roles are {', '.join(ROLES)}")
    demands_mfa = STAFF_ROLES.issuperset(names) if mfa is None else mfa
    lets_in = _machine_scope(scope, machines)
    return Access(True, frozenset(names), Rate.parse(rate), demands_mfa, scope=scope, machine_scope=lets_in)


def _machine_scope(scope: str | None, machines: str | None) -> str | None:
    """The scope that lets a machine in. Raises DeclarationError for what is no scope, and when both are given."""
    if scope is not None and machines is not None:
        raise DeclarationError("scope= is for every caller and machines= for machines alone: give one of them")
    named = scope if scope is not None else machines
    if named is not None and SCOPE.fullmatch(named) is None:
        raise DeclarationError(f"scope {named!r} must be one scope of visible ASCII without quotes, like 'read:leads'")
    return named
