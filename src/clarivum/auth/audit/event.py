"""One thing that happened: which kind, to whom, where. Ids and codes only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

Kind = Literal["sign_in", "refusal", "privilege_change", "revocation", "admin_write"]
Outcome = Literal["done", "refused"]

MAX_SUBJECT_CHARACTERS = 255
_ADDRESS = re.compile(r"[^\s|@]+@(?!clients$)")


def recorded_subject(subject: str | None) -> str | None:
    """A subject as it is stored: itself, or a digest where it is or holds an e-mail address, as enterprise
    connections make them (`samlp|acme|alice@example.org`). A machine's `…@clients` is none.
    """
    if subject is None or (len(subject) <= MAX_SUBJECT_CHARACTERS and not _ADDRESS.search(subject)):
        return subject
    return f"sha256:{sha256(subject.encode('utf-8', 'surrogatepass')).hexdigest()}"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """`reason` is a code, `route` a template such as `POST /api/v1/leads/{lead_id}`, `trace_id` 32 hex digits."""

    kind: Kind
    outcome: Outcome
    reason: str
    subject: str | None = None
    roles: frozenset[str] = frozenset()
    route: str | None = None
    trace_id: str | None = None

    def fields(self, occurrences: int = 1) -> dict[str, Any]:
        """As the table's columns are named."""
        return {
            "kind": self.kind,
            "outcome": self.outcome,
            "reason": self.reason,
            "subject": recorded_subject(self.subject),
            "roles": sorted(self.roles),
            "route": self.route,
            "trace_id": self.trace_id,
            "occurrences": occurrences,
        }


def listed(roles: Iterable[str]) -> str:
    """Roles as a log line and a terminal show them."""
    return ",".join(sorted(roles)) or "none"
