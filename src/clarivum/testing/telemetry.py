"""What telemetry really exported, for tests: an OTLP receiver on loopback, and spans, metrics and logs in memory.

`Collector` sees the bytes that left the process over HTTP; `recorded_spans` and `captured_logs` listen at the last
station before that. Nothing here replaces the code under test.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import orjson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1 import trace_pb2

from clarivum.telemetry import instruments
from clarivum.telemetry.aggregation import HistogramCell, HistogramPoint
from clarivum.telemetry.finished_spans import FinishedSpan
from clarivum.telemetry.log_pipeline import PIPELINE
from clarivum.telemetry.spans import TRACING
from clarivum.telemetry.structured import set_level

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it arrived. Ids in hex, empty when absent; times in ns since 1970; `links` as (trace, span)."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: Mapping[str, Value]
    resource: Mapping[str, Value]
    events: tuple[tuple[str, Mapping[str, Value]], ...]
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST: the path, the headers in lower case, the body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Collector:
    """An OTLP/HTTP collector on a free loopback port: `with Collector() as collector: … collector.endpoint`.

    `status` is what it answers; `silent` accepts deliveries and answers none until the block ends; without `keep` they
    are forgotten at once.
    """

    status: int = 200
    silent: bool = False
    keep: bool = True
    deliveries: list[Delivery] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT must say."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[ReceivedSpan]:
        """All spans delivered so far, in the order of their arrival."""
        requests = [ExportTraceServiceRequest.FromString(each.body) for each in self._of("/v1/traces")]
        return [
            _received(span, scoped.resource.attributes)
            for request in requests
            for scoped in request.resource_spans
            for scope in scoped.scope_spans
            for span in scope.spans
        ]

    @property
    def metrics(self) -> dict[str, Metric]:
        """The newest state of every metric delivered so far, by name."""
        requests = [ExportMetricsServiceRequest.FromString(each.body) for each in self._of("/v1/metrics")]
        return {
            metric.name: metric
            for request in requests
            for scoped in request.resource_metrics
            for scope in scoped.scope_metrics
            for metric in scope.metrics
        }

    def wait_for(self, condition: Callable[["Collector"], bool], timeout_s: float = 20.0) -> None:
        """Return once the deliveries satisfy `condition`. Raises AssertionError after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not condition(self):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(
                        f"the collector waited {timeout_s} s in vain; {len(self.deliveries)} deliveries"
                    )

    def take(self, delivery: Delivery) -> None:
        """Store a delivery; called by the server's threads, which then wait while the collector is silent."""
        with self._changed:
            if self.keep:
                self.deliveries.append(delivery)
            self._changed.notify_all()
        if self.silent:
            self._released.wait()

    def _of(self, path: str) -> list[Delivery]:
        return [each for each in tuple(self.deliveries) if each.path == path]


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.take(Delivery(self.path, headers, body))
            answer = ExportTraceServiceResponse() if self.path == "/v1/traces" else ExportMetricsServiceResponse()
            content = answer.SerializeToString()
            with suppress(ConnectionError):  # a silent collector's senders have long gone
                self.send_response(collector.status)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet: the test's output is the test's."""

    return Handler


def _received(span: trace_pb2.Span, resource: Any) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        attributes=attributes_of(span.attributes),
        resource=attributes_of(resource),
        events=tuple((event.name, attributes_of(event.attributes)) for event in span.events),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def attributes_of(pairs: "list[KeyValue]") -> dict[str, Value]:
    """Protobuf attributes as a mapping."""
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


class _SpanList(list[FinishedSpan]):
    """A sink that keeps what it is given."""

    def emit(self, span: FinishedSpan) -> None:
        self.append(span)


@contextmanager
def recorded_spans() -> Iterator[list[FinishedSpan]]:
    """Record the spans finished inside the block, in this process, instead of exporting them."""
    spans = _SpanList()
    before, TRACING.sink = TRACING.sink, spans
    try:
        yield spans
    finally:
        TRACING.sink = before


class CapturedLogs:
    """Log lines as they would have been written."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes, urgent: bool = False) -> None:
        self.lines.append(line)

    def flush(self, timeout_s: float = 0) -> bool:
        return True

    def close(self, timeout_s: float = 0) -> bool:
        return True

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines, parsed."""
        return [orjson.loads(line) for line in self.lines]


@contextmanager
def captured_logs(*, access_lines: bool = True) -> Iterator[CapturedLogs]:
    """Collect the log lines of the block from level info on, rendered and scrubbed as always.

    Sets the level itself: a test before it may have configured telemetry with another.
    """
    captured = CapturedLogs()
    set_level("info")
    before = PIPELINE.writer, PIPELINE.access_lines
    PIPELINE.writer, PIPELINE.access_lines = captured, access_lines
    try:
        yield captured
    finally:
        PIPELINE.writer, PIPELINE.access_lines = before


def metric_points(name: str) -> dict[frozenset[tuple[str, Value]], HistogramPoint | float]:
    """The current sums of a metric by its attributes, a histogram's as `HistogramPoint`; empty when not measured."""
    instrument = instruments.REGISTRY.get(name)
    points: dict[frozenset[tuple[str, Value]], HistogramPoint | float] = {}
    for cell in () if instrument is None else instrument.cells():
        value = cell.point() if isinstance(cell, HistogramCell) else cell.value()
        if value is not None and not (isinstance(value, HistogramPoint) and value.count == 0):
            points[frozenset(cell.attributes.items())] = value
    return points


def reset_metrics() -> None:
    """Set every metric back to nothing measured, as in a process just started."""
    for instrument in instruments.REGISTRY.values():
        instrument.start_anew()
