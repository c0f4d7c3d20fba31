"""Our encoder writes what the SDK's own would write for the same spans."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource

from clarivum import __version__
from clarivum.telemetry import SpanContext
from clarivum.telemetry.finished_spans import FinishedSpan, Kind, SpanEvent, SpanShape
from clarivum.telemetry.otlp import SpanEncoder
from clarivum.telemetry.sdk_spans import readable

RESOURCE = {"service.name": "clarivum", "process.pid": 7, "odd": "é\n"}

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
attributes = st.dictionaries(text, text | st.booleans() | st.integers(-(2**63), 2**63 - 1), max_size=4)
trace_id = st.integers(1, 2**128 - 1)
span_id = st.integers(1, 2**64 - 1)
flags = st.integers(0, 3)
instant = st.integers(0, 2**63 - 1)
shape = st.builds(SpanShape, text, st.sampled_from(Kind), attributes, st.booleans())
finished = st.builds(
    FinishedSpan,
    shape,
    trace_id,
    span_id,
    parent_id=st.just(0) | span_id,
    parent_is_remote=st.booleans(),
    flags=flags,
    tracestate=st.sampled_from(["", "vendor=1", "a=1,b@c=2"]),
    start_ns=instant,
    end_ns=instant,
    attributes=attributes,
    events=st.lists(st.builds(SpanEvent, text, instant, attributes), max_size=2).map(tuple),
    link=st.none() | st.builds(SpanContext, trace_id, span_id, flags),
)


def comparable(span: Span) -> Span:
    """Our spans carry the W3C flags, which the SDK leaves out; attributes have no order."""
    plain = Span()
    plain.CopyFrom(span)
    plain.flags &= ~0xFF
    for part in (plain, *plain.events, *plain.links):
        pairs = sorted(part.attributes, key=lambda pair: pair.key)
        del part.attributes[:]
        part.attributes.extend(pairs)
    for link in plain.links:
        link.flags &= ~0xFF
    return plain


@given(st.lists(finished, min_size=1, max_size=5))
def test_as_the_sdk_encodes(spans: list[FinishedSpan]):
    for span in spans:
        if not span.parent_id:
            spans[spans.index(span)] = span._replace(parent_is_remote=False)
    ours = ExportTraceServiceRequest.FromString(SpanEncoder(RESOURCE, "clarivum", __version__).encode(spans))
    theirs = encode_spans([readable(span, Resource(RESOURCE)) for span in spans])
    assert ours.resource_spans[0].resource == theirs.resource_spans[0].resource
    assert ours.resource_spans[0].scope_spans[0].scope == theirs.resource_spans[0].scope_spans[0].scope
    assert len(ours.resource_spans) == len(ours.resource_spans[0].scope_spans) == 1
    ours_spans, theirs_spans = (
        ours.resource_spans[0].scope_spans[0].spans,
        theirs.resource_spans[0].scope_spans[0].spans,
    )
    for mine, stock, span in zip(ours_spans, theirs_spans, spans, strict=True):
        assert comparable(mine) == comparable(stock)
        assert mine.flags & 0xFF == span.flags


def test_a_batch_longer_than_a_one_byte_length():
    span = FinishedSpan(
        SpanShape("x" * 300, Kind.SERVER, {"k": "v" * 20_000}), 1, 2, 0, False, 1, "", 1, 2, {}, (), None
    )
    request = ExportTraceServiceRequest.FromString(SpanEncoder(RESOURCE, "clarivum", "1").encode([span] * 600))
    received = request.resource_spans[0].scope_spans[0].spans
    assert len(received) == 600
    assert received[599].attributes[0].value.string_value == "v" * 20_000


def test_a_lone_surrogate_does_not_stop_the_batch():
    span = FinishedSpan(SpanShape("x", Kind.INTERNAL, {}), 1, 2, 0, False, 1, "", 1, 2, {"k": "\ud800"}, (), None)
    request = ExportTraceServiceRequest.FromString(SpanEncoder({}, "clarivum", "1").encode([span]))
    assert request.resource_spans[0].scope_spans[0].spans[0].attributes[0].value.string_value == "?"
