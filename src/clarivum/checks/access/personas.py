"""Who tries the matrix: each role of the application once, a second member, a visitor, a machine and the worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clarivum.auth import ANONYMOUS_PRINCIPAL, ROLES, Principal
from clarivum.auth.principal import principal_from
from clarivum.database import WORKER
from clarivum.database.trial import Guise, Owner

ROLES_CLAIM = "https://clarivum.com/roles"
EMAIL_CLAIM = "https://clarivum.com/email"
FAR_AWAY_S = 4_102_444_800
"""The year 2100: what a persona's claims say of their end."""
MEMBER, MACHINE = "member", "machine"
MACHINE_ROLE = "editor"


@dataclass(frozen=True, slots=True)
class Persona:
    """One row of the matrix. `role` is empty for the visitor and the worker; `calls` is false for the worker, which
    makes no requests."""

    name: str
    about: str
    role: str
    principal: Principal | None
    calls: bool = True

    @property
    def is_machine(self) -> bool:
        return self.principal is not None and self.principal.is_machine

    @property
    def guises(self) -> tuple[Guise, ...]:
        """The database roles that this caller's statements run under: on staff routes another than elsewhere."""
        if self.principal is None:
            return (Guise(self.name, WORKER),)
        staff, own = self.principal.staff_context, self.principal.context
        return (*((Guise(self.name, staff),) if staff else ()), Guise(self.name, own))

    @property
    def owner(self) -> Owner | None:
        """Whose rows are this caller's own; None for the visitor, the machine and the worker."""
        principal = self.principal
        if principal is None or principal.subject is None or principal.email is None:
            return None
        return Owner(self.name, principal.subject, principal.email)


def personas(roles: Mapping[str, str] = ROLES) -> tuple[Persona, ...]:
    """The visitor, every role, a machine, the worker; after the member another, whose rows are not the first one's."""
    found = [Persona("anonymous", "a visitor without credentials", "", ANONYMOUS_PRINCIPAL)]
    for role, about in roles.items():
        found.append(Persona(role, about, role, principal_of(role, role)))
        if role == MEMBER:
            other = f"other {role}"
            found.append(
                Persona(
                    other, "another member, to whom the first one's rows are foreign", role, principal_of(other, role)
                )
            )
    if MACHINE_ROLE in roles:
        about = (
            f"a client of its own (client credentials) with the role {MACHINE_ROLE} and every scope that routes name"
        )
        found.append(Persona(MACHINE, about, MACHINE_ROLE, principal_of(MACHINE, MACHINE_ROLE, is_machine=True)))
    found.append(Persona("worker", "jobs, and what the platform does for a caller", "", None, calls=False))
    return tuple(found)


def principal_of(name: str, role: str, *, is_machine: bool = False) -> Principal:
    """The principal of a token as the API would make it: a person's with a second factor, or a machine's."""
    word = name.replace(" ", "-")
    claims: dict[str, Any] = {"sub": f"auth0|{word}", ROLES_CLAIM: [role], "exp": FAR_AWAY_S}
    if is_machine:
        claims |= {"sub": f"{word}@clients", "gty": "client-credentials"}
    else:
        claims |= {EMAIL_CLAIM: f"{word}@example.org", f"{EMAIL_CLAIM}_verified": True, "amr": ["mfa"]}
    return principal_from(claims, roles_claim=ROLES_CLAIM)[0]
