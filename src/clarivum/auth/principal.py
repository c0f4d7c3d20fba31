"""Who is calling: made only from a verified token, together with the context its statements run in.

The database role is computed here and nowhere else: a token's own `role` claim is never read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clarivum.auth.roles import OWN_NAMES, STAFF_ROLES, known_roles
from clarivum.database.context import ANONYMOUS, AUTHENTICATED_STATEMENT_TIMEOUT_MS, Context

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,255}")
MAX_EMAIL_CHARACTERS = 254
MULTI_FACTOR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
"""What `acr_values` asks for, and `acr` says, for a sign-in with a second factor. Auth0 knows this one."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `expires_at` is the token's `exp` in seconds since the epoch, infinite for the anonymous caller.

    `context` is what its statements run in; on a route for staff it is `staff_context`, which only a holder of a staff
    role has (docs/adr/0006-database-roles.md). Both carry the same claims.
    `email` is an address that the issuer has verified.
    `is_machine` is true for a client-credentials token: its subject is `<client id>@clients` and no person.
    """

    subject: str | None
    roles: frozenset[str]
    scopes: frozenset[str]
    email: str | None
    context: Context
    expires_at: float
    is_machine: bool = False
    mfa: bool = False
    """Whether the person proved who they are with a second factor, as the issuer says in `amr` or `acr`."""
    issued_at: float = 0.0
    """The token's `iat`; 0 when it has none, older than any revocation."""
    staff_context: Context | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.subject is None


ANONYMOUS_PRINCIPAL = Principal(None, frozenset(), frozenset(), None, ANONYMOUS, float("inf"))


def principal_from(
    claims: Mapping[str, Any], *, roles_claim: str, amr_claim: str = "amr", role_map: Mapping[str, str] = OWN_NAMES
) -> tuple[Principal, int]:
    """The principal of verified claims, and how many unknown roles were dropped.

    The subject is `sub` alone: all configured issuers are names of one tenant (ADR-0003).
    """
    roles, dropped = known_roles(claims.get(roles_claim), role_map)
    subject, email = claims["sub"], _email(claims, roles_claim)
    text = _database_claims(subject, roles, email)
    principal = Principal(
        subject=subject,
        roles=roles,
        scopes=_scopes(claims),
        email=email,
        context=Context("authenticated", text, AUTHENTICATED_STATEMENT_TIMEOUT_MS),
        expires_at=float(claims["exp"]),
        is_machine=_is_machine(claims),
        mfa=_second_factor(claims, amr_claim),
        issued_at=float(claims.get("iat", 0)),
        staff_context=(
            Context("clarivum_staff", text, AUTHENTICATED_STATEMENT_TIMEOUT_MS) if roles & STAFF_ROLES else None
        ),
    )
    return principal, dropped


def _database_claims(subject: str, roles: frozenset[str], email: str | None) -> str:
    """What policies may read as `auth.jwt()`: as little as they need, so that nothing else can come to matter."""
    claims: dict[str, Any] = {"sub": subject, "role": "authenticated", "app_roles": sorted(roles)}
    if email is not None:
        claims["email"] = email
    return json.dumps(claims, ensure_ascii=False, separators=(",", ":"))


def _is_machine(claims: Mapping[str, Any]) -> bool:
    """Whether a client signed in for itself: Auth0 says so in `gty`, or, in its RFC 9068 profile, by the subject alone.

    People's subjects are `connection|user`.
    """
    subject: str = claims["sub"]
    return claims.get("gty") == "client-credentials" or (subject.endswith("@clients") and "|" not in subject)


def _second_factor(claims: Mapping[str, Any], amr_claim: str) -> bool:
    """Whether `amr` (RFC 8176) names `mfa`, in Auth0's namespaced claim or its own, or `acr` says multi-factor."""
    methods = (claims.get(name) for name in (amr_claim, "amr"))
    named = any(isinstance(entries, list) and "mfa" in entries for entries in methods)
    return named or claims.get("acr") == MULTI_FACTOR


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` is space-separated (RFC 8693 section 4.2); `permissions` is Auth0's array when RBAC is on."""
    scope, permissions = claims.get("scope"), claims.get("permissions")
    scopes = scope.split(" ") if isinstance(scope, str) else []
    granted = [entry for entry in permissions if isinstance(entry, str)] if isinstance(permissions, list) else []
    return frozenset(entry for entry in (*scopes, *granted) if entry)


def email_claim(claims: Mapping[str, Any], roles_claim: str) -> str | None:
    """The claim that an address is taken from, whether or not it is good; None when the token names none.

    Auth0 puts custom claims under a namespace, the one of the roles claim; `email` itself is the OpenID Connect name.
    """
    namespaced = f"{roles_claim.rpartition('/')[0]}/email"
    return next((name for name in (namespaced, "email") if claims.get(name) is not None), None)


def _email(claims: Mapping[str, Any], roles_claim: str) -> str | None:
    """The caller's address, if the issuer says that it is verified: anybody can sign up with somebody else's.

    It says so by `true` in the claim `<name>_verified` beside the address (OpenID Connect Core 1.0 section 5.1).
    """
    name = email_claim(claims, roles_claim)
    if name is None or claims.get(f"{name}_verified") is not True:
        return None
    value = claims[name]
    well_formed = isinstance(value, str) and len(value) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(value)
    return value if well_formed else None
