"""Spans to the collector over OTLP/HTTP: encoded from the compact records, sent by the SDK's exporter.

The SDK encodes a span in 16 µs of Python, which at thousands of spans a second holds the interpreter for milliseconds
at a time and shows in the requests' p99. What spans share is encoded once per shape; a span adds ids and times to it.
Format: opentelemetry/proto/trace/v1/trace.proto.
"""

import struct
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from clarivum.telemetry.aggregation import Attributes, AttributeValue
from clarivum.telemetry.finished_spans import FinishedSpan, SpanShape
from clarivum.telemetry.trace_context import SpanContext

_MAX_SHAPES = 16_384
# Field number and wire type of Span's fields, as they stand in front of each value.
_TRACE_ID, _SPAN_ID, _TRACE_STATE, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x1a", b"\x22\x08"
_TIMES = struct.Struct("<BQBQ")  # 7: start_time_unix_nano, 8: end_time_unix_nano, both fixed64
_FLAGS = struct.Struct("<HI")  # 16: flags, fixed32; its tag takes two bytes
_START_TAG, _END_TAG, _FLAGS_TAG = 0x39, 0x41, 0x0185
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200


class SpanEncoder:
    """Makes ExportTraceServiceRequest bodies for one resource."""

    def __init__(self, resource: Attributes, scope_name: str, scope_version: str) -> None:
        self._resource = _field(1, Resource(attributes=key_values(resource)).SerializeToString())
        self._scope = _field(1, InstrumentationScope(name=scope_name, version=scope_version).SerializeToString())
        self._shapes: dict[SpanShape, bytes] = {}

    def encode(self, spans: Sequence[FinishedSpan]) -> bytes:
        """The protobuf body of a batch: one ResourceSpans with one ScopeSpans."""
        body = b"".join([self._scope, *[_field(2, self._span(span)) for span in spans]])
        return _field(1, self._resource + _field(2, body))

    def _span(self, span: FinishedSpan) -> bytes:
        shape = self._shapes.get(span.shape)
        if shape is None:
            shape = self._shape(span.shape)
        flags = span.flags | _HAS_IS_REMOTE | (_IS_REMOTE if span.parent_is_remote else 0)
        parts = [
            _TRACE_ID,
            span.trace_id.to_bytes(16, "big"),
            _SPAN_ID,
            span.span_id.to_bytes(8, "big"),
            shape,
            _TIMES.pack(_START_TAG, span.start_ns, _END_TAG, span.end_ns),
            _FLAGS.pack(_FLAGS_TAG, flags),
        ]
        if span.parent_id:
            parts += (_PARENT_ID, span.parent_id.to_bytes(8, "big"))
        if span.tracestate:
            parts.append(_field(3, span.tracestate.encode()))
        if span.attributes or span.events or span.link is not None:
            parts.append(_extras(span))
        return b"".join(parts)

    def _shape(self, shape: SpanShape) -> bytes:
        status = Status(code=Status.STATUS_CODE_ERROR if shape.failed else Status.STATUS_CODE_UNSET)
        encoded: bytes = Span(
            name=shape.name, kind=Span.SpanKind.Name(shape.kind), attributes=key_values(shape.attributes), status=status
        ).SerializeToString()
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
        self._shapes[shape] = encoded
        return encoded


def _extras(span: FinishedSpan) -> bytes:
    """What only this span has. Repeated fields of two encodings of one message add up when concatenated."""
    events = [
        Span.Event(name=event.name, time_unix_nano=event.time_ns, attributes=key_values(event.attributes))
        for event in span.events
    ]
    links = [] if span.link is None else [_link(span.link)]
    own = {name: value for name, value in span.attributes.items() if name not in span.shape.attributes}
    encoded: bytes = Span(attributes=key_values(own), events=events, links=links).SerializeToString()
    return encoded


def _link(context: SpanContext) -> Span.Link:
    return Span.Link(
        trace_id=context.trace_id.to_bytes(16, "big"),
        span_id=context.span_id.to_bytes(8, "big"),
        flags=context.flags | _HAS_IS_REMOTE | _IS_REMOTE,
    )


def key_values(attributes: Attributes) -> list[KeyValue]:
    """Attributes in protobuf. A lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
    return [KeyValue(key=name, value=_any_value(value)) for name, value in attributes.items()]


def _any_value(value: AttributeValue) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=value.encode("utf-8", "replace").decode())


def _field(number: int, value: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size = len(value)
    head = bytearray([number << 3 | 2])
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + value


class OtlpSpanExport(OTLPSpanExporter):
    """The SDK's exporter (transport, retries, Retry-After, compression, time-out), fed with bodies of our encoder."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], encoder: SpanEncoder) -> None:
        super().__init__(endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers) or None)
        self._encoder = encoder

    def export(self, spans: Sequence[FinishedSpan]) -> bool:  # type: ignore[override]
        """Send a batch; blocks for at most OTEL_EXPORTER_OTLP_TIMEOUT (10 s), retries included."""
        return self._client.export(self._encoder.encode(spans)).success

    def hurry(self) -> None:
        """End waits between attempts: from now on each batch is tried once."""
        self._client.shutdown()


class OtlpMetricExport(OTLPMetricExporter):
    """The SDK's exporter for metrics, which can be hurried, too."""

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        super().__init__(endpoint=f"{endpoint.rstrip('/')}/v1/metrics", headers=dict(headers) or None)

    def hurry(self) -> None:
        """End waits between attempts: from now on each push is tried once."""
        self._client.shutdown()
