"""Refusals, told to the audit: who was not let in, where, and by which code."""

from clarivum.auth import ANONYMOUS_PRINCIPAL, Principal
from clarivum.auth.audit import AuditEvent, AuditRecorder, Kind
from clarivum.errors import RequestError

REFUSALS = frozenset({401, 403})
"""Statuses of answers that are audited; what was looked for and is not there (404) is none."""


def note_refusal(
    audit: AuditRecorder,
    error: Exception,
    route: str,
    trace_id: str,
    *,
    principal: Principal = ANONYMOUS_PRINCIPAL,
    kind: Kind = "refusal",
) -> None:
    """Note it, to be written within seconds with others like it. `principal` is the caller, as far as known."""
    if isinstance(error, RequestError):
        audit.note(AuditEvent(kind, "refused", error.code.name, principal.subject, principal.roles, route, trace_id))
