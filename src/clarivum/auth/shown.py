"""What a token says, as it may be printed for the person who holds it: text that cannot act on a terminal. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clarivum.auth.claims import MAX_TIME
from clarivum.telemetry import scrub

SHOWN_CHARACTERS = 120
MAX_LISTED = 10


def shown(value: object) -> str:
    """A value of a token as it may be printed: bounded, without control characters, addresses as stars."""
    if isinstance(value, list):
        return ", ".join(shown(entry) for entry in value[:MAX_LISTED]) or "an empty list"
    if value is None:
        return "missing"
    text = scrub(str(value)[: SHOWN_CHARACTERS + 1])
    printable = "".join(character if character.isprintable() else "�" for character in text)
    return printable if len(printable) <= SHOWN_CHARACTERS else printable[:SHOWN_CHARACTERS] + "…"


def alike(one: str, other: str) -> bool:
    """Whether two issuers differ in scheme, case or final slash at most."""

    def bare(url: str) -> str:
        return url.lower().removeprefix("https://").removeprefix("http://").rstrip("/")

    return bare(one) == bare(other)


def shown_times(claims: Mapping[str, Any], now: float) -> str:
    """When a token was issued and expires, and how far that is from `now`, in seconds since the epoch."""
    moments = []
    for name, word in (("iat", "issued"), ("exp", "expires")):
        value = claims.get(name)
        if type(value) is int and 0 <= value < MAX_TIME:
            at = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            moments.append(f"{word} {at} ({value - now:+.0f} s)")
    return ", ".join(moments)
