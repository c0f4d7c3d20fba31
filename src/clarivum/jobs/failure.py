"""What the ledger remembers of a failed attempt: the error's class and a scrubbed message, never a payload."""

from asyncio import CancelledError
from dataclasses import dataclass

from clarivum.database import DatabaseError
from clarivum.errors import ClarivumError
from clarivum.telemetry import scrub

MAX_MESSAGE_CHARACTERS = 2_000
CUT = "ConnectionLost"
"""The class under which the ledger remembers attempts whose connection was cut."""


class AttemptTimeout(BaseException):
    """Raised inside a handler that holds the event loop beyond its timeout. Not an Exception, so that a handler's own
    `except Exception` in an endless loop does not swallow it."""


class TerminalError(Exception):
    """Raise it in a handler when another attempt would fail as well: the run is a dead letter at once.

    The message is kept and shown; no personal data in it.
    """


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `error` is the class an operator filters by; `is_terminal`: another attempt is no use."""

    error: str
    message: str
    cause: BaseException | str
    is_terminal: bool = False
    is_cut: bool = False
    """The connection to the database ended under it, which need not be the handler's doing."""


def failure_of(error: BaseException) -> Failure:
    """Class and scrubbed text of what a handler raised; of our own errors what would go to the log."""
    text = (error.log or error.detail) if isinstance(error, ClarivumError) else str(error)
    if isinstance(error, CancelledError):
        text = text or "the handler awaited something that was cancelled"
    if isinstance(error, ClarivumError) and error.violations:
        text += ": " + "; ".join(f"{violation.pointer} {violation.message}" for violation in error.violations)
    message = _storable(scrub(text))[:MAX_MESSAGE_CHARACTERS]
    if isinstance(error, DatabaseError) and error.is_cut:
        return Failure(CUT, message, error, is_cut=True)
    return Failure(type(error).__qualname__, message, error, isinstance(error, TerminalError))


def timeout_failure(timeout_s: float) -> Failure:
    return Failure("AttemptTimeout", f"the handler did not end within {timeout_s:g} s", "timeout")


def _storable(text: str) -> str:
    """Without what Postgres cannot keep as text."""
    return text.replace("\x00", "\\0").encode(errors="backslashreplace").decode()
