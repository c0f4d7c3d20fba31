"""W3C Trace Context: who called, as text and as numbers.

Format: https://www.w3.org/TR/trace-context/ (version 00), baggage: https://www.w3.org/TR/baggage/. What does not follow
the format to the letter is treated as absent: a hostile header starts a fresh trace and is never passed on.
"""

import os
import random
import re
from dataclasses import dataclass

from clarivum.telemetry.scrubbing import scrub

SAMPLED = 0x01
RANDOM_TRACE_ID = 0x02

MAX_TRACESTATE_CHARACTERS = 512
MAX_TRACESTATE_MEMBERS = 32
MAX_BAGGAGE_BYTES = 1_024
MAX_BAGGAGE_MEMBERS = 16

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x20-\x7e]*)?")
_TRACESTATE_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_BAGGAGE_MEMBER = re.compile(
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[ \t]*[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
    r"(?:[ \t]*;[\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]*)?"
)

# Ids must be unlikely to collide, not hard to guess; an operating system call each would cost more than the span.
_ids = random.Random()  # noqa: S311
os.register_at_fork(after_in_child=_ids.seed)
_getrandbits = _ids.getrandbits


@dataclass(frozen=True, slots=True)
class SpanContext:
    """The place of a span in its trace. Ids are non-zero; flags are one byte, of which bit 0 means sampled."""

    trace_id: int
    span_id: int
    flags: int

    @property
    def sampled(self) -> bool:
        return self.flags & SAMPLED != 0

    @property
    def trace_id_hex(self) -> str:
        return f"{self.trace_id:032x}"

    @property
    def span_id_hex(self) -> str:
        return f"{self.span_id:016x}"

    @property
    def traceparent(self) -> str:
        """The header that names this span as the parent of what the receiver does."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.flags:02x}"


def new_trace_id() -> int:
    """A random non-zero 128-bit number."""
    return _getrandbits(128) or 1


def new_span_id() -> int:
    """A random non-zero 64-bit number."""
    return _getrandbits(64) or 1


def parse_traceparent(header: str | None) -> SpanContext | None:
    """The caller's span, or None for anything but one valid header. Of the flags, sampled and random are kept.

    A version above 00 is read as far as version 00 goes, as the recommendation asks; version ff is invalid.
    """
    if header is None:
        return None
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    trace, span = int(trace_id, 16), int(span_id, 16)
    if not trace or not span:
        return None
    return SpanContext(trace, span, int(flags, 16) & (SAMPLED | RANDOM_TRACE_ID))


def bounded_tracestate(header: str | None) -> str:
    """The vendors' list as it may be passed on, empty when it breaks the format, 512 characters or 32 members."""
    if not header or len(header) > MAX_TRACESTATE_CHARACTERS:
        return ""
    members = [member for part in header.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    valid = len(members) <= MAX_TRACESTATE_MEMBERS and len(keys) == len(members)
    if not valid or not all(_TRACESTATE_MEMBER.fullmatch(member) for member in members):
        return ""
    return ",".join(members) if scrub(header) == header else ""


def bounded_baggage(header: str | None) -> str:
    """The baggage as it may be passed on: at most 16 members and 1 KiB, and no member that scrubbing would change."""
    if not header or len(header) > MAX_BAGGAGE_BYTES:
        return ""
    members = [member for part in header.split(",") if (member := part.strip(" \t"))]
    if len(members) > MAX_BAGGAGE_MEMBERS or not all(_BAGGAGE_MEMBER.fullmatch(member) for member in members):
        return ""
    return ",".join(member for member in members if scrub(member) == member)
