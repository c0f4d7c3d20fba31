"""JSON as signed documents must write it: one meaning only, whichever parser reads it.

RFC 8259 leaves duplicate names, non-finite numbers and lone surrogates to the implementation, and RFC 7515 section 4
and RFC 7519 section 4 let a parser take the last duplicate: two parties may then read two different documents.
"""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 16
MAX_INTEGER_DIGITS = 20


class NotStrictError(ValueError):
    """Valid JSON to some parsers, but not with one meaning."""


# A string (closed or not, so that the scan stays linear), or one bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises ValueError (and nothing else) for anything that is not UTF-8 JSON, is no object, has a duplicate name, a
    number that is not finite or longer than 20 digits, NUL, a lone surrogate, or more than 16 levels.
    """
    text = raw.decode("utf-8")
    if text.count("{") + text.count("[") > MAX_DEPTH and _too_deep(text):
        raise NotStrictError(f"more than {MAX_DEPTH} levels deep")
    value = _DECODER.decode(text)
    if not isinstance(value, dict):
        raise NotStrictError("not a JSON object")
    if "\\u" in text:
        if "\\u0000" in text:
            raise NotStrictError("holds NUL")
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError, a ValueError, on a lone surrogate
    return value


def _too_deep(text: str) -> bool:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise NotStrictError("a member name appears twice")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrictError("a number is out of range")
    return number


def _bounded(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise NotStrictError(f"an integer has more than {MAX_INTEGER_DIGITS} digits")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise NotStrictError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_int=_bounded, parse_constant=_no_constant
)
