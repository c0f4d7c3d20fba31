"""What telemetry costs a request, beside what the stock OpenTelemetry SDK and structlog would cost.

`.venv/bin/python -m benchmarks.telemetry_cost` prints microseconds of processor time per call: the best of five
rounds, and the worst. Logs go to /dev/null through the same writer thread that serves standard output.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from clarivum import telemetry
from clarivum.settings import Settings
from clarivum.telemetry import spans
from clarivum.telemetry.finished_spans import FinishedSpan
from clarivum.telemetry.log_pipeline import PIPELINE
from clarivum.telemetry.otlp import SpanEncoder
from clarivum.telemetry.sdk_spans import readable

ROUNDS = 5
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ROUTE_ATTRIBUTES = {
    "http.request.method": "GET",
    "http.route": "/api/v1/entitlements",
    "http.response.status_code": 200,
    "url.scheme": "http",
}


class _Keep:
    """A sink with the cost of the export queue's own `emit`, without a thread."""

    def __init__(self) -> None:
        self.spans: list[FinishedSpan] = []

    def emit(self, span: FinishedSpan) -> None:
        self.spans.append(span)
        if len(self.spans) >= 2_048:
            self.spans.clear()


def measure(label: str, call: Callable[[], object], calls: int = 20_000) -> None:
    """Print the processor time of one call in microseconds, of this thread: neighbours on the machine count little."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        for _ in range(calls):
            call()
        rounds.append((time.thread_time() - start) / calls * 1e6)
    sys.stderr.write(f"  {label:<58} {min(rounds):7.2f} µs   (up to {max(rounds):.2f})\n")


def http(traceparent: str | None) -> Callable[[], None]:
    def call() -> None:
        telemetry.http_server("GET", "/api/v1/entitlements", traceparent=traceparent).finish(200)

    return call


def database() -> None:
    telemetry.database_operation("entitlements_of_caller", "SELECT", "entitlements", "clarivum").finish()


def publish() -> None:
    with telemetry.job_publish("leads.enrich", "leads_enrich", "pgmq"):
        pass


def process() -> None:
    with telemetry.job_process("leads.enrich", "leads_enrich", "pgmq", 42, 1, producer_traceparent=CALLER):
        pass


def ours() -> None:
    """Our own calls, first without and then with something that records."""
    for title, sink in (("not recorded (no collector)", None), ("recorded", _Keep())):
        sys.stderr.write(f"{title}\n")
        spans.TRACING.sink = sink
        PIPELINE.access_lines = False
        measure("http_server + finish, new trace", http(None))
        measure("http_server + finish, caller's trace", http(CALLER))
        PIPELINE.access_lines = True
        measure("http_server + finish + access line", http(None))
        measure("database_operation + finish", database)
        measure("job_publish", publish)
        measure("job_process", process)
    spans.TRACING.sink = None


def logs() -> None:
    log = telemetry.get_logger("benchmark")
    sys.stderr.write("logs\n")
    measure("log.info with four fields", lambda: log.info("lead captured", source="readme", count=3, ok=True, ms=1.25))
    measure("log.debug, switched off", lambda: log.debug("nothing", source="readme"))
    harmless = "a line of text of the usual length, without anything in it"
    measure("scrub, 60 harmless characters", lambda: telemetry.scrub(harmless))
    measure("scrub, one address", lambda: telemetry.scrub("lead someone@example.com captured from the landing page"))


def exporting() -> None:
    """The export thread's work per span: it holds the interpreter, so it is taken from requests."""
    keep = _Keep()
    spans.TRACING.sink = keep
    for _ in range(512):
        http(CALLER)()
    spans.TRACING.sink = None
    batch = keep.spans
    encoder = SpanEncoder(ROUTE_ATTRIBUTES, "clarivum", "0")
    stock = [readable(span, Resource(ROUTE_ATTRIBUTES)) for span in batch]
    sys.stderr.write("export thread, a batch of 512 spans\n")
    measure("ours (per batch)", lambda: encoder.encode(batch), 20)
    measure("stock encode_spans (per batch)", lambda: encode_spans(stock).SerializePartialToString(), 5)


COLLECTOR = """
import sys
from clarivum.testing.telemetry import Collector
with Collector(silent=sys.argv[1] == "silent", keep=False) as collector:
    print(collector.endpoint, flush=True)
    sys.stdin.read()
"""


def latency(label: str, environment: dict[str, str]) -> None:
    """Serve 20,000 requests that each give the interpreter up once, as a loop waiting for a socket does."""
    telemetry.configure(Settings.load({**environment, "CLARIVUM_LOG_LEVEL": "error"}), role="api")
    taken = []
    for _ in range(20_000):
        start = time.perf_counter()
        served = telemetry.http_server("GET", "/api/v1/entitlements")
        for _ in range(3):
            telemetry.database_operation("entitlements_of_caller", "SELECT", "entitlements", "clarivum").finish()
        time.sleep(0.0001)
        served.finish(200)
        taken.append(time.perf_counter() - start)
    start = time.perf_counter()
    telemetry.shutdown()
    ended_s = time.perf_counter() - start
    taken.sort()
    p50, p99, worst = (taken[int(len(taken) * share)] * 1e3 for share in (0.5, 0.99, 0.9999))
    sys.stderr.write(f"  {label:<28} p50 {p50:.3f}  p99 {p99:.3f}  p99.99 {worst:.3f} ms   shutdown {ended_s:.2f} s\n")


def collectors() -> None:
    sys.stderr.write("a request with three statements and a pause of 0.1 ms, by what the collector does\n")
    latency("no collector", {})
    for kind in ("healthy", "silent"):
        with subprocess.Popen(
            [sys.executable, "-c", COLLECTOR, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            latency(kind, {"OTEL_EXPORTER_OTLP_ENDPOINT": process.stdout.readline().strip()})
            process.terminate()
    latency("refused", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})


def stock_sdk() -> None:
    histogram = MeterProvider([InMemoryMetricReader()]).get_meter("m").create_histogram("h")
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    exporter.shutdown()
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=1_000_000, max_export_batch_size=1_000_000))
    tracer = provider.get_tracer("t")
    sys.stderr.write("the stock SDK, for comparison\n")
    measure("histogram.record with four attributes", lambda: histogram.record(0.0123, ROUTE_ATTRIBUTES))
    measure("start_span + end", lambda: tracer.start_span("GET /x", attributes=ROUTE_ATTRIBUTES).end(), 5_000)


def metrics_page() -> None:
    """What a scrape takes from the requests: the page is rendered where they are served."""
    for route in range(40):
        for status in (200, 401, 403, 422, 500):
            telemetry.http_server("GET", f"/api/v1/r{route}").finish(status)
        for query in range(3):
            telemetry.database_operation(f"q{route}_{query}", "SELECT", "x", "y").finish()
    sys.stderr.write("the page of /metrics, 320 histograms\n")
    measure("render_prometheus", telemetry.render_prometheus, 20)


def main() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    telemetry.configure(Settings.load({}), role="api")
    ours()
    logs()
    exporting()
    metrics_page()
    stock_sdk()
    collectors()


if __name__ == "__main__":
    main()
