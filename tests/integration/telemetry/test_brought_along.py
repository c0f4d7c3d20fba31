"""Span processors and metric readers of the SDK, brought along by an application or a test, and reconfiguration."""

import logging
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from clarivum import telemetry
from clarivum.settings import Settings
from clarivum.telemetry.log_pipeline import PIPELINE
from clarivum.testing.telemetry import Collector, reset_metrics


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    reset_metrics()
    before = {name: getattr(PIPELINE, name) for name in PIPELINE.__slots__}
    yield
    telemetry.shutdown()
    for name, value in before.items():
        setattr(PIPELINE, name, value)


def test_processors_and_readers_see_what_happened():
    exporter, reader, other = InMemorySpanExporter(), InMemoryMetricReader(), InMemoryMetricReader()
    telemetry.configure(
        Settings.load({"CLARIVUM_LOG_LEVEL": "error"}),
        role="api",
        extra_span_processors=[SimpleSpanProcessor(exporter)],
        metric_readers=[reader, other],
    )
    telemetry.http_server("GET", "/x", traceparent=f"00-{'a' * 32}-{'b' * 16}-01", tracestate="v=1").finish(200)
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.attributes["http.route"]) == ("GET /x", "/x")
    assert span.parent.is_remote
    assert span.context.trace_state["v"] == "1"
    assert span.resource.attributes["service.name"] == "clarivum"
    for each in (reader, other):
        names = {m.name for m in each.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics}
        assert "http.server.request.duration" in names
    assert b'http_server_request_duration_seconds_count{http_request_method="GET"' in telemetry.render_prometheus()


def test_a_processor_beside_a_collector_takes_nothing_from_it():
    exporter = InMemorySpanExporter()
    with Collector() as collector:
        telemetry.configure(
            Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "CLARIVUM_LOG_LEVEL": "error"}),
            role="api",
            extra_span_processors=[SimpleSpanProcessor(exporter)],
        )
        telemetry.http_server("GET", "/x").finish(200)
        seen = exporter.get_finished_spans()
        telemetry.shutdown()
        assert [span.name for span in collector.spans] == [span.name for span in seen] == ["GET /x"]


def test_configuring_again_ends_what_was_before():
    with Collector() as first, Collector() as second:
        for collector in (first, second):
            telemetry.configure(
                Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "CLARIVUM_LOG_LEVEL": "error"}),
                role="worker",
            )
            telemetry.http_server("GET", "/x").finish(200)
        telemetry.shutdown()
        assert (len(first.spans), len(second.spans)) == (1, 1)


def test_flush_exports_what_waits_and_goes_on():
    with Collector() as collector:
        telemetry.configure(
            Settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "CLARIVUM_LOG_LEVEL": "error"}),
            role="worker",
        )
        for number in (1, 2, 3):
            telemetry.http_server("GET", "/x").finish(200)
            telemetry.flush(20)
            assert len(collector.spans) == number
            (point,) = collector.metrics["http.server.request.duration"].histogram.data_points
            assert point.count == number


def test_shutdown_gives_the_interpreter_back_what_it_took():
    hook, handlers = sys.excepthook, list(logging.getLogger().handlers)
    telemetry.configure(Settings.load({}), role="worker")
    assert sys.excepthook is not hook
    telemetry.shutdown()
    telemetry.shutdown()
    assert sys.excepthook is sys.__excepthook__
    assert logging.getLogger().handlers == handlers


def test_before_and_after_there_is_a_page():
    telemetry.http_server("GET", "/x").finish(200)
    assert b"http_server_request_duration_seconds_count" in telemetry.render_prometheus()
