"""Finished spans as small records: what leaves the request's path, before any exporter has looked at it.

What the spans of one operation share (name, kind, attributes, outcome) is a `SpanShape`, made once.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from clarivum.telemetry.aggregation import Attributes
from clarivum.telemetry.trace_context import SpanContext


class Kind(IntEnum):
    """Span kinds, numbered as in the OTLP protocol."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


@dataclass(frozen=True, slots=True, eq=False)
class SpanShape:
    """What all spans of one operation and outcome share. Compared by identity, so that exporters can cache by it."""

    name: str
    kind: Kind
    attributes: Attributes
    failed: bool = False


class SpanEvent(NamedTuple):
    """Something that happened at one moment of a span; attributes are scrubbed."""

    name: str
    time_ns: int
    attributes: Attributes


class FinishedSpan(NamedTuple):
    """A recorded span. Times in nanoseconds since 1970; `parent_id` 0 is a root; `attributes` add to the shape's."""

    shape: SpanShape
    trace_id: int
    span_id: int
    parent_id: int
    parent_is_remote: bool
    flags: int
    tracestate: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: tuple[SpanEvent, ...]
    link: SpanContext | None


class SpanSink(Protocol):
    """What takes finished spans. `emit` is called on the request's path: it must neither block nor raise."""

    def emit(self, span: FinishedSpan) -> None: ...
