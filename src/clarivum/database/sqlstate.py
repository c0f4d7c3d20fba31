"""What Postgres refuses, as what the caller is told: one table from SQLSTATE to error code.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html. The text a caller sees is ours; Postgres' own
goes to the log, scrubbed, without DETAIL (which quotes rows); a constraint's name is allowed there, a value never.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clarivum.database.wire import libpq
from clarivum.errors import (
    CONFLICT,
    FORBIDDEN,
    INTERNAL,
    UNAUTHENTICATED,
    UNAVAILABLE,
    VALIDATION_FAILED,
    Code,
    RequestError,
)
from clarivum.telemetry import scrub

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

RETRY_AFTER_S = 1
QUERY_CANCELED = "57014"
SHUTTING_DOWN = frozenset({"57P01", "57P02", "57P03", "57P05"})
QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a SQLSTATE is to the caller. `retryable`: the whole transaction may be run again."""

    code: Code
    detail: str
    retryable: bool = False


CONFLICTING = Meaning(CONFLICT, "The change contradicts what is stored")
INVALID = Meaning(VALIDATION_FAILED, "A value does not fit what can be stored")
BUSY = Meaning(UNAVAILABLE, "The database is busy")
CROSSED = Meaning(UNAVAILABLE, "The change crossed another one", retryable=True)
CHANGED = Meaning(UNAVAILABLE, "The database has just been changed", retryable=True)
DENIED = Meaning(FORBIDDEN, "The caller may not do this")
FAULT = Meaning(INTERNAL, "Something failed on our side")

# The longest matching prefix decides; a two-character prefix is a class.
MEANINGS: dict[str, Meaning] = {
    "08": Meaning(UNAVAILABLE, "The database does not answer"),
    "22": INVALID,
    "23502": INVALID,
    "23503": CONFLICTING,
    "23505": CONFLICTING,
    "23514": INVALID,
    "23P01": CONFLICTING,
    "40001": CROSSED,
    "40P01": CROSSED,
    "42501": DENIED,
    "53": BUSY,
    "55P03": BUSY,
    "57014": Meaning(UNAVAILABLE, "The database took too long"),
    "57": Meaning(UNAVAILABLE, "The database is restarting"),
    "58": BUSY,
}


HINTS = {
    ("25006", ""): "; reads run read-only: declare the query `writes`",
    ("22P02", "invalid input syntax for type json"): "; a list is sent as an array unless the SQL casts it to jsonb",
}
"""For the log: what whoever declared the query should do, by SQLSTATE and the beginning of the message."""


class DatabaseError(RequestError):
    """A statement that failed. `sqlstate` is None when the connection was lost before an answer.

    `is_cut`: the connection ended before the answer, or there was none.
    `retryable`: nothing was kept and the whole transaction may be run again. `unknown_outcome`: the answer to COMMIT
    was lost; the change may or may not be stored.
    """

    sqlstate: str | None = None
    is_cut: bool = False
    retryable: bool = False
    unknown_outcome: bool = False


def meaning_of(sqlstate: str) -> Meaning:
    return MEANINGS.get(sqlstate) or MEANINGS.get(sqlstate[:2]) or FAULT


def database_error(sqlstate: str, message: str, *, role: str, where: str, constraint: str = "") -> DatabaseError:
    """The error for a refused statement; `where` is the query's file, line and name."""
    meaning = CHANGED if is_stale_plan(sqlstate, message) else meaning_of(sqlstate)
    code = UNAUTHENTICATED if meaning is DENIED and role == "anon" else meaning.code
    log = f"{where}: {sqlstate} {safe_message(sqlstate, message)}"
    log += next((hint for (state, start), hint in HINTS.items() if sqlstate == state and message.startswith(start)), "")
    if constraint:
        log += f" (constraint {constraint})"
    detail = code.title if meaning is DENIED else meaning.detail
    error = DatabaseError(detail, code=code, retry_after_s=RETRY_AFTER_S if code is UNAVAILABLE else None, log=log)
    error.sqlstate = sqlstate
    error.retryable = meaning.retryable
    return error


def is_stale_plan(sqlstate: str, message: str) -> bool:
    """Whether a prepared statement no longer fits the tables. 0A000 alone only says "not supported"."""
    return sqlstate == "26000" or (sqlstate == "0A000" and message.startswith("cached plan"))


def error_of(result: "PGresult", *, role: str, where: str) -> DatabaseError:
    """The error that a failed result stands for."""
    return database_error(
        sqlstate_of(result),
        _field(result, libpq.DIAG_MESSAGE_PRIMARY),
        role=role,
        where=where,
        constraint=_field(result, libpq.DIAG_CONSTRAINT_NAME),
    )


def connection_lost(reason: str, *, where: str = "", unknown_outcome: bool = False) -> DatabaseError:
    """503 with Retry-After: the connection ended before the answer."""
    log = f"{where}: {reason}" if where else reason
    if unknown_outcome:
        log += "; the answer to COMMIT was lost, so the outcome is unknown"
    error = DatabaseError("The database does not answer", code=UNAVAILABLE, retry_after_s=RETRY_AFTER_S, log=scrub(log))
    error.is_cut = True
    error.unknown_outcome = unknown_outcome
    return error


def pool_exhausted(log: str) -> DatabaseError:
    """503 with Retry-After: every connection is taken and stayed so."""
    return DatabaseError("The database is busy", code=UNAVAILABLE, retry_after_s=RETRY_AFTER_S, log=log)


def transaction_ended(log: str) -> DatabaseError:
    """503 with Retry-After: the transaction was rolled back before its end."""
    return DatabaseError("The database took too long", code=UNAVAILABLE, retry_after_s=RETRY_AFTER_S, log=log)


def sqlstate_of(result: "PGresult") -> str:
    """Five characters; "" when libpq made the error up itself, as it does when the connection is gone."""
    return _field(result, libpq.DIAG_SQLSTATE)


def safe_message(sqlstate: str, message: str) -> str:
    """Postgres' primary message without values. Class 22 quotes the input (`invalid input syntax …: "…"`)."""
    return QUOTED.sub('"***"', scrub(message)) if sqlstate.startswith("22") else scrub(message)


def _field(result: "PGresult", field: int) -> str:
    return (result.error_field(field) or b"").decode(errors="replace")
