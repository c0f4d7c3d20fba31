"""The statements prepared on one connection, named per (query, role).

A plan that involves row-level security belongs to the role it was made for: under one name, alternating roles would
make Postgres plan again each time (plancache.c, `rewriteRoleId`). So every role has its own name for the same query.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

MAX_STATEMENTS = 512
STALE_PLAN = "0A000"
UNKNOWN_STATEMENT = "26000"
REPREPARE = frozenset({STALE_PLAN, UNKNOWN_STATEMENT})
"""SQLSTATEs after which the same exchange, prepared anew, may succeed."""


class Statement(Protocol):
    """SQL with a fixed text: a declared query or one of ours below. Hashed by identity."""

    @property
    def sql(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """A statement of the session itself."""

    sql: str


# Opens every unit of work. A function that a query calls may set something for the session (`set_config(…, false)`);
# that would survive its COMMIT and meet the next caller. Measured: 1 µs.
RESET_SESSION = Control("reset all")
# The settings of one transaction, which end with it. No row comes back: the claims need not travel twice. `||` makes
# Postgres evaluate all of them, in this order; set_config never returns NULL.
BEGIN_CONTEXT = Control(
    "select where (set_config('role', $1, true) || set_config('request.jwt.claims', $2, true)"
    " || set_config('statement_timeout', $3, true) || set_config('transaction_read_only', $4, true)) is null"
)
# The same for a transaction with a bound of its own on how long it may stand idle.
BEGIN_BOUNDED_CONTEXT = Control(
    "select where (set_config('role', $1, true) || set_config('request.jwt.claims', $2, true)"
    " || set_config('statement_timeout', $3, true) || set_config('transaction_read_only', $4, true)"
    " || set_config('idle_in_transaction_session_timeout', $5, true)) is null"
)
SET_ROLE = Control("select where set_config('role', $1, true) is null")
BEGIN = Control("begin isolation level read committed")
BEGIN_REPEATABLE_READ = Control("begin isolation level repeatable read")
BEGIN_SERIALIZABLE = Control("begin isolation level serializable")
COMMIT = Control("commit")
ROLLBACK = Control("rollback")


class Decoder(Protocol):
    """Makes rows of results; `RowDecoder` of wire/decode.py is the one."""

    def rows(self, result: "PGresult") -> list[Any]: ...


class Prepared:
    """A statement's name on its connection. `decoder` belongs to whoever reads its results."""

    __slots__ = ("decoder", "name")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.decoder: Decoder | None = None


class PreparedStatements:
    """What one connection has prepared, or is about to: a statement counts from the moment its Parse is queued."""

    def __init__(self, limit: int = MAX_STATEMENTS) -> None:
        self._limit = limit
        self._serial = 0
        self._known: dict[tuple[Statement, str], Prepared] = {}
        self.get = self._known.get

    def __len__(self) -> int:
        return len(self._known)

    def add(self, statement: Statement, role: str) -> tuple[Prepared, Prepared | None]:
        """A new name for the statement, and the one that has to be closed to stay within the limit (the oldest)."""
        evicted = self._known.pop(next(iter(self._known))) if len(self._known) >= self._limit else None
        self._serial += 1
        prepared = self._known[statement, role] = Prepared(b"c%d" % self._serial)
        return prepared, evicted

    def refused(self, sqlstate: str | None, statement: Statement, role: str, prepared: Prepared) -> None:
        """The server said that the statement's plan no longer fits, or that it knows no such statement.

        Whoever ran DEALLOCATE ALL took the others too.
        """
        if sqlstate == UNKNOWN_STATEMENT:
            self._known.clear()
        elif sqlstate == STALE_PLAN:
            self.forget(statement, role, prepared)

    def forget(self, statement: Statement, role: str, prepared: Prepared) -> None:
        """It was not prepared after all, or its plan is stale; a newer one of the same key stays."""
        if self._known.get((statement, role)) is prepared:
            del self._known[statement, role]
