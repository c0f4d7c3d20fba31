"""Who a statement runs for: the database role, the claims that policies read, and how long it may take."""

from dataclasses import dataclass
from typing import Literal

# Supabase's own statement timeouts for the roles `anon` and `authenticated`.
ANONYMOUS_STATEMENT_TIMEOUT_MS = 3_000
AUTHENTICATED_STATEMENT_TIMEOUT_MS = 8_000
WORKER_STATEMENT_TIMEOUT_MS = 60_000

Role = Literal["anon", "authenticated", "clarivum_staff", "clarivum_worker"]
"""None of them bypasses row-level security; see docs/adr/0006-database-roles.md for which is used when."""


@dataclass(frozen=True, slots=True)
class Context:
    """Travels with every statement, local to its transaction.

    `claims` is the JSON text of `request.jwt.claims`, "" for none; it is serialised once per token, not per statement.
    """

    role: Role
    claims: str
    statement_timeout_ms: int
    idle_timeout_ms: int | None = None
    """How long a transaction of it may wait for its client's next statement; then Postgres ends the connection, and its
    locks are free. None: the connection's own bound, five minutes."""


ANONYMOUS = Context("anon", "", ANONYMOUS_STATEMENT_TIMEOUT_MS)
WORKER = Context("clarivum_worker", "", WORKER_STATEMENT_TIMEOUT_MS)
