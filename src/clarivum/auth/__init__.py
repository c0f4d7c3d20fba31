"""Who is calling: verified tokens, the principal they stand for, and the database context that follows.

What checks signatures, and what writes the audit and revocations, is loaded on first use: a worker that only needs
`Principal` does not pay for cryptography.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clarivum.auth.bearer import bearer_token
from clarivum.auth.policy import Issuer, TokenPolicy
from clarivum.auth.principal import ANONYMOUS_PRINCIPAL, MULTI_FACTOR, Principal
from clarivum.auth.refusal import Reason, TokenRefusedError
from clarivum.auth.roles import ROLES, STAFF_ROLES

if TYPE_CHECKING:
    from clarivum.auth.audit import AuditEvent, audit_in, recorded_subject
    from clarivum.auth.revocation import revoke_subject_in
    from clarivum.auth.verifier import TokenVerifier

__all__ = [
    "ANONYMOUS_PRINCIPAL",
    "MULTI_FACTOR",
    "ROLES",
    "STAFF_ROLES",
    "AuditEvent",
    "Issuer",
    "Principal",
    "Reason",
    "TokenPolicy",
    "TokenRefusedError",
    "TokenVerifier",
    "audit_in",
    "bearer_token",
    "recorded_subject",
    "revoke_subject_in",
]

_ON_FIRST_USE = {
    "AuditEvent": "audit",
    "TokenVerifier": "verifier",
    "audit_in": "audit",
    "recorded_subject": "audit",
    "revoke_subject_in": "revocation",
}


def __getattr__(name: str) -> Any:
    module = _ON_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
