"""Spans under way: who is working, for which trace, since when.

A span always has ids, so that logs, problem documents and outgoing messages can name it; it is recorded only when it is
sampled and something takes it.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from functools import lru_cache
from time import perf_counter
from types import TracebackType
from typing import Self

from clarivum.telemetry.aggregation import Attributes, AttributeValue
from clarivum.telemetry.exceptions import describe
from clarivum.telemetry.finished_spans import FinishedSpan, Kind, SpanEvent, SpanShape, SpanSink
from clarivum.telemetry.sampling import Sampler, sampler
from clarivum.telemetry.scrubbing import scrub, scrub_attribute
from clarivum.telemetry.trace_context import SAMPLED, SpanContext, new_span_id, new_trace_id


class Tracing:
    """The process's tracing: how it samples and where recorded spans go. Without a sink nothing is recorded."""

    __slots__ = ("sampler", "sink")

    def __init__(self) -> None:
        self.sampler: Sampler = sampler("parentbased_always_on")
        self.sink: SpanSink | None = None


TRACING = Tracing()
_NOTHING: Attributes = {}


class ActiveSpan:
    """A span under way; `http_server`, `database_operation`, `job_process`, `job_publish` and `span` start one."""

    __slots__ = (
        "_attributes",
        "_events",
        "_sink",
        "_start_ns",
        "_started",
        "_token",
        "_trace_id_hex",
        "baggage",
        "flags",
        "parent_id",
        "parent_is_remote",
        "span_id",
        "trace_id",
        "tracestate",
    )

    def __init__(self, parent: "SpanContext | ActiveSpan | None", tracestate: str = "", baggage: str = "") -> None:
        """Start under `parent`, or a new trace. The clock runs from here."""
        if parent is None:
            self.trace_id = trace_id = new_trace_id()
            self.parent_id = 0
            self.flags = flags = 1 if TRACING.sampler(trace_id, None) else 0
            self.parent_is_remote = False
        else:
            self.trace_id = trace_id = parent.trace_id
            self.parent_id = parent.span_id
            flags = parent.flags
            sampled = TRACING.sampler(trace_id, flags & SAMPLED != 0)
            self.flags = flags = (flags & ~SAMPLED) | sampled
            self.parent_is_remote = type(parent) is SpanContext
        self.span_id: int = new_span_id()
        self.tracestate = tracestate
        self.baggage = baggage
        self._trace_id_hex = ""
        self._attributes: dict[str, AttributeValue] | None = None
        self._events: list[SpanEvent] | None = None
        self._token: Token[ActiveSpan | None] | None = None
        if flags & SAMPLED and (sink := TRACING.sink) is not None:
            self._sink: SpanSink | None = sink
            self._start_ns = time.time_ns()
        else:
            self._sink = None
        self._started = perf_counter()

    @property
    def is_recorded(self) -> bool:
        """Whether anything will see this span; expensive attributes are worth computing only then."""
        return self._sink is not None

    @property
    def trace_id_hex(self) -> str:
        """32 hex digits: what logs, problem documents and the collector show."""
        text = self._trace_id_hex
        if not text:
            self._trace_id_hex = text = f"{self.trace_id:032x}"
        return text

    @property
    def span_id_hex(self) -> str:
        return f"{self.span_id:016x}"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id_hex}-{self.span_id:016x}-{self.flags:02x}"

    @property
    def context(self) -> SpanContext:
        return SpanContext(self.trace_id, self.span_id, self.flags)

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Add an attribute to this one span (not to the metric). The value is scrubbed; a secret's name hides it."""
        if self._sink is None:
            return
        if self._attributes is None:
            self._attributes = {}
        self._attributes[name] = scrub_attribute(name, value)

    def record_exception(self, error: BaseException) -> None:
        """Note an exception on the span: type, scrubbed message and scrubbed stack."""
        if self._sink is None:
            return
        if self._events is None:
            self._events = []
        self._events.append(SpanEvent("exception", time.time_ns(), describe(error)))

    def _activate(self) -> None:
        self._token = _active.set(self)

    def _deactivate(self) -> None:
        token = self._token
        if token is not None:
            self._token = None
            try:
                _active.reset(token)
            except ValueError:  # finished in another task than it was started in; that task's context ends with it
                if _active.get() is self:
                    _active.set(None)

    def _emit(self, shape: SpanShape, duration_s: float, link: SpanContext | None = None) -> None:
        sink = self._sink
        if sink is None:
            return
        self._sink = None
        start_ns = self._start_ns
        sink.emit(
            FinishedSpan(
                shape,
                self.trace_id,
                self.span_id,
                self.parent_id,
                self.parent_is_remote,
                self.flags,
                self.tracestate,
                start_ns,
                start_ns + int(duration_s * 1e9),
                self._attributes or _NOTHING,
                tuple(self._events) if self._events else (),
                link,
            )
        )


_active: ContextVar[ActiveSpan | None] = ContextVar("clarivum_active_span", default=None)
active_span = _active.get


def current_context() -> SpanContext | None:
    """The place of the span this code runs under, or None outside any."""
    active = _active.get()
    return None if active is None else active.context


class Span(ActiveSpan):
    """A piece of work inside a request or job. Leaving the block by an exception marks the span as failed."""

    __slots__ = ("_name",)

    def __init__(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        parent = _active.get()
        super().__init__(parent, *_carried(parent))
        self._name = name
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def __enter__(self) -> Self:
        self._activate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = perf_counter() - self._started
        self._deactivate()
        if error is not None:
            self.record_exception(error)
            self.set_attribute("error.type", type(error).__qualname__)
        if self._sink is not None:
            self._emit(_shape(self._name, error is not None), duration_s)


def span(name: str, attributes: Mapping[str, AttributeValue] | None = None) -> Span:
    """A span around a block: `with span("leads.score"):`. The name is fixed text, never a value."""
    return Span(name, attributes or _NOTHING)


@lru_cache(maxsize=1_024)
def _shape(name: str, failed: bool) -> SpanShape:
    return SpanShape(scrub(name), Kind.INTERNAL, _NOTHING, failed)


def _carried(parent: ActiveSpan | None) -> tuple[str, str]:
    return ("", "") if parent is None else (parent.tracestate, parent.baggage)
