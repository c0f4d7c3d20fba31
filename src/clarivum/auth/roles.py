"""The application's roles, and which of the roles in a token are among them."""

from collections.abc import Mapping

from clarivum.errors import ConfigurationError

# Every role a token may carry, and what it is for. A name that is not here gives nothing.
ROLES: Mapping[str, str] = {
    "member": "owns a profile and entitlements, and sees only those",
    "editor": "reads the leads of all campaigns",
    "admin": "reads leads, grants and revokes entitlements",
    "ops": "operates jobs and reads telemetry, but no business data",
}

# Who may use the routes for staff. The database knows them as the role `clarivum_staff`.
STAFF_ROLES = frozenset({"editor", "admin", "ops"})


OWN_NAMES: Mapping[str, str] = {role: role for role in ROLES}
"""How a claim maps to roles unless the settings say more: our names stand for themselves."""


def parse_role_map(text: str) -> Mapping[str, str]:
    """The setting CLARIVUM_ROLE_MAP, `Editors=editor,Administrators=admin`, as claim entry to role; ours included.

    Raises ConfigurationError for an entry of another form, for a role that is none of ours, and for a name that is
    mapped twice, or is ours and mapped to another.
    """
    named = dict(OWN_NAMES)
    for entry in text.split(",") if text.strip() else ():
        name, separator, role = (part.strip() for part in entry.partition("="))
        if not (name and separator and role):
            raise ConfigurationError("CLARIVUM_ROLE_MAP must read like Editors=editor,Administrators=admin")
        if role not in ROLES:
            raise ConfigurationError(f"CLARIVUM_ROLE_MAP maps to a role that is none of {', '.join(ROLES)}")
        if named.setdefault(name, role) != role:
            raise ConfigurationError("CLARIVUM_ROLE_MAP gives one name two roles; each of ours stands for itself")
    return named


def known_roles(claim: object, role_map: Mapping[str, str] = OWN_NAMES) -> tuple[frozenset[str], int]:
    """The roles that a token's roles claim stands for, and how many entries stand for none and were dropped.

    Auth0 sends an array of strings; anything else counts as one dropped entry, an absent claim (None) as none.
    """
    if claim is None:
        return frozenset(), 0
    if not isinstance(claim, list):
        return frozenset(), 1
    roles = [role_map[entry] for entry in claim if isinstance(entry, str) and entry in role_map]
    return frozenset(roles), len(claim) - len(roles)
