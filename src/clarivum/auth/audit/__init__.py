"""What happened, for whoever has to answer for it: an append-only table, and the log."""

from clarivum.auth.audit.event import AuditEvent, Kind, recorded_subject
from clarivum.auth.audit.recorder import AuditRecorder, audit_in

__all__ = ["AuditEvent", "AuditRecorder", "Kind", "audit_in", "recorded_subject"]
