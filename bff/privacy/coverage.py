"""Every column that tells who somebody is, with what an export and an erasure do about it. Pure.

tests/integration/bff/test_privacy_coverage.py holds it against the migrated database: a new column named like one of
these, which is not listed, fails.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Erasure = Literal["emptied", "pseudonym", "deleted", "kept"]

PERSONAL = re.compile(
    r"(^|_)(subject|email|mail|owner|actor|user|member|caller|principal|person|name|phone|address|ip|birthday)(_|$)"
)


@dataclass(frozen=True, slots=True)
class Covered:
    """`exported`: it is in the member's file. `kept` after an erasure needs a reason."""

    column: str
    exported: bool
    erasure: Erasure
    reason: str = ""


COVERAGE = (
    Covered("public.profiles.subject", True, "kept", "the account must not come back as a second profile"),
    Covered("public.profiles.email", True, "emptied"),
    Covered("public.profiles.display_name", True, "emptied"),
    Covered("public.entitlements.subject", True, "pseudonym"),
    Covered("public.entitlement_events.actor", False, "kept", "who changed it: a worker or staff, not the member"),
    Covered("public.purchases.subject", True, "pseudonym"),
    Covered("public.purchases.email", True, "emptied"),
    Covered("public.purchase_events.subject", True, "emptied"),
    Covered("public.purchase_events.email", True, "emptied"),
    Covered("public.leads.email", True, "pseudonym"),
    Covered("public.data_exports.subject", False, "deleted"),
    Covered("public.data_exports.email", False, "deleted"),
    Covered("public.erasures.subject", True, "pseudonym"),
    Covered("public.erasures.email", False, "emptied"),
    Covered(
        "clarivum.audit_events.subject", True, "kept", "who did what must be provable for 400 days; never an address"
    ),
    Covered("clarivum.subject_roles.subject", True, "kept", "a change of roles must be noticed; never an address"),
    Covered("clarivum.session_revocations.name", False, "kept", "until the last token of the account has expired"),
)


def uncovered(columns: Iterable[str]) -> list[str]:
    """Columns, as `schema.table.column`, that are named like a person's and that COVERAGE does not list."""
    known = {covered.column for covered in COVERAGE}
    return sorted(name for name in columns if PERSONAL.search(name.rpartition(".")[2]) and name not in known)
