"""`error.type` with a bounded set of values: what failed, never with which input."""

import re
import threading

from clarivum.errors import ClarivumError
from clarivum.telemetry.scrubbing import scrub

MAX_ERROR_TYPES = 200
OTHER = "_OTHER"
_SHAPE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,79}")
_seen: dict[str, str] = {}
_lock = threading.Lock()


def bounded_error_type(error: "str | BaseException") -> str:
    """A code such as an SQLSTATE, or an exception's code or class name; `_OTHER` beyond 200 of them."""
    if isinstance(error, str):
        name = error
    elif isinstance(error, ClarivumError):
        name = error.code.name
    else:
        name = type(error).__qualname__
    known = _seen.get(name)
    return known if known is not None else _admit(name)


def _admit(name: str) -> str:
    if _SHAPE.fullmatch(name) is None or scrub(name) != name:
        return OTHER
    with _lock:
        if len(_seen) >= MAX_ERROR_TYPES:
            return OTHER
        return _seen.setdefault(name, name)
