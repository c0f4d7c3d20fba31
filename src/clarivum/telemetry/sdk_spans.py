"""Finished spans as the OpenTelemetry SDK's own, for span processors that an application or a test brings along."""

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, TraceFlags, TraceState
from opentelemetry.trace import SpanContext as SdkSpanContext
from opentelemetry.trace.status import Status, StatusCode

from clarivum import __version__
from clarivum.telemetry.finished_spans import FinishedSpan, Kind, SpanSink

_SCOPE = InstrumentationScope("clarivum", __version__)
_KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}


def readable(span: FinishedSpan, resource: Resource) -> ReadableSpan:
    """The SDK's view of a finished span."""
    parent = (
        _context(span.trace_id, span.parent_id, span.flags, remote=span.parent_is_remote) if span.parent_id else None
    )
    link = span.link
    return ReadableSpan(
        name=span.shape.name,
        context=_context(span.trace_id, span.span_id, span.flags, tracestate=span.tracestate),
        parent=parent,
        resource=resource,
        attributes={**span.attributes, **span.shape.attributes},
        events=[Event(event.name, dict(event.attributes), event.time_ns) for event in span.events],
        links=[] if link is None else [Link(_context(link.trace_id, link.span_id, link.flags, remote=True))],
        kind=_KINDS[span.shape.kind],
        status=Status(StatusCode.ERROR if span.shape.failed else StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=_SCOPE,
    )


class ProcessorSink:
    """Gives each finished span to the processors' `on_end`. There is no `on_start`: a span is made when it ends."""

    def __init__(self, processors: Sequence[SpanProcessor], resource: Resource, queue: SpanSink | None) -> None:
        self._processors = tuple(processors)
        self._resource = resource
        self._queue = queue

    def emit(self, span: FinishedSpan) -> None:
        if self._queue is not None:
            self._queue.emit(span)
        made = readable(span, self._resource)
        for processor in self._processors:
            processor.on_end(made)

    def shutdown(self) -> None:
        for processor in self._processors:
            processor.shutdown()


def _context(trace_id: int, span_id: int, flags: int, *, remote: bool = False, tracestate: str = "") -> SdkSpanContext:
    state = TraceState.from_header([tracestate]) if tracestate else None
    return SdkSpanContext(trace_id, span_id, is_remote=remote, trace_flags=TraceFlags(flags), trace_state=state)
