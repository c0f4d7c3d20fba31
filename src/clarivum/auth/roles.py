"""The application's roles, and which of the roles in a token are among them."""

from collections.abc import Mapping

# Every role a token may carry, and what it is for. A name that is not here gives nothing.
ROLES: Mapping[str, str] = {
    "member": "owns a profile and entitlements, and sees only those",
    "editor": "reads the leads of all campaigns",
    "admin": "reads leads, grants and revokes entitlements",
    "ops": "operates jobs and reads telemetry, but no business data",
}

# Who may use the routes for staff. The database knows them as the role `clarivum_staff`.
STAFF_ROLES = frozenset({"editor", "admin", "ops"})


def known_roles(claim: object) -> tuple[frozenset[str], int]:
    """The known roles in a token's roles claim, and how many entries were dropped.

    Auth0 sends an array of strings; anything else counts as one dropped entry, an absent claim (None) as none.
    """
    if claim is None:
        return frozenset(), 0
    if not isinstance(claim, list):
        return frozenset(), 1
    roles = [entry for entry in claim if isinstance(entry, str) and entry in ROLES]
    return frozenset(roles), len(claim) - len(roles)
