"""The work that every target does: the statements of the application itself, and the requests that ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from benchmarks.harness.load import ADDRESS, NUMBER, http_request
from bff.entitlements.queries import queries as entitlements
from clarivum.database.wire.prepared import BEGIN_CONTEXT
from clarivum.database.wire.read import SHORT_READ_TIMEOUT_MS

READ_PATH = "/api/v1/entitlements"
CAPTURE_PATH = "/api/v1/leads"
MEMBERS = 64
"""How many members send the load in turn: that many tokens, that many different claims."""
PAGE_LIMIT = 20
FIRST_PAGE: dict[str, str | int] = {
    "after_created_at": "infinity",
    "after_id": str(UUID(int=2**128 - 1)),
    "limit": PAGE_LIMIT + 1,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$1`…, and its values; None stands where the caller's claims go."""

    sql: str
    values: tuple[str | int | None, ...]

    def as_json(self) -> dict[str, object]:
        return {"sql": self.sql, "values": list(self.values)}


def context_statement() -> Statement:
    """Role, claims and limits of one transaction, exactly as our session sends them."""
    return Statement(BEGIN_CONTEXT.sql, ("authenticated", None, str(SHORT_READ_TIMEOUT_MS), "on"))


def read_statement() -> Statement:
    """The first page of a member's entitlements."""
    query = entitlements.entitlements_page
    return Statement(query.sql, tuple(FIRST_PAGE[name] for name in query.parameters))


def read_requests(tokens: Sequence[str]) -> list[bytes]:
    """One prepared request a member."""
    return [http_request("GET", READ_PATH, {"authorization": f"Bearer {token}"}) for token in tokens]


def capture_requests() -> list[bytes]:
    """A lead whose address, and whose sender's address, differ each time; the sender is told by the trusted proxy."""
    body = f'{{"email":"lead-{NUMBER}@bench.example.com","source":"bench","marketing_opt_in":true}}'
    return [http_request("POST", CAPTURE_PATH, {"x-forwarded-for": f"2001:{ADDRESS}::1"}, body)]
