"""Who is calling: verified tokens, the principal they stand for, and the database context that follows.

What checks signatures is loaded on first use: a worker that only needs `Principal` does not pay for cryptography.
"""

from typing import TYPE_CHECKING, Any

from clarivum.auth.bearer import bearer_token
from clarivum.auth.policy import Issuer, TokenPolicy
from clarivum.auth.principal import ANONYMOUS_PRINCIPAL, MULTI_FACTOR, Principal
from clarivum.auth.refusal import Reason, TokenRefusedError
from clarivum.auth.roles import ROLES, STAFF_ROLES

if TYPE_CHECKING:
    from clarivum.auth.verifier import TokenVerifier

__all__ = [
    "ANONYMOUS_PRINCIPAL",
    "MULTI_FACTOR",
    "ROLES",
    "STAFF_ROLES",
    "Issuer",
    "Principal",
    "Reason",
    "TokenPolicy",
    "TokenRefusedError",
    "TokenVerifier",
    "bearer_token",
]


def __getattr__(name: str) -> Any:
    if name == "TokenVerifier":
        from clarivum.auth.verifier import TokenVerifier  # noqa: PLC0415

        return TokenVerifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
