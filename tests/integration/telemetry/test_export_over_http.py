"""What leaves the process over OTLP/HTTP, byte for byte, and what a bad collector can and cannot do."""

import socket

import pytest

from clarivum import __version__
from clarivum.testing.telemetry import Collector, attributes_of

CALLER_TRACE, CALLER_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_one_trace_from_the_caller_through_the_queue_to_the_workers_statement(run, collector: Collector):
    api = run("request", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b")
    traceparent = api.err.decode().strip()
    worker = run(
        "job",
        traceparent,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"{collector.endpoint}/",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging",
    )
    assert (api.code, worker.code) == (0, 0)
    spans = {span.name: span for span in collector.spans}
    served, sent = spans["POST /api/v1/leads"], spans["send leads_enrich"]
    processed, marked = spans["process leads_enrich"], spans["mark_enriched"]
    assert {span.trace_id for span in spans.values()} == {CALLER_TRACE}
    assert [span.kind for span in (served, sent, processed, marked)] == ["server", "producer", "consumer", "client"]
    assert served.parent_id == CALLER_SPAN
    assert spans["capture_lead"].parent_id == sent.parent_id == served.span_id
    assert traceparent.split("-")[2] == sent.span_id
    assert processed.links == ((CALLER_TRACE, sent.span_id),)
    assert marked.parent_id == processed.span_id
    assert worker.events[0]["trace_id"] == CALLER_TRACE
    assert served.resource["clarivum.role"] == "api"
    assert processed.resource["clarivum.role"] == "worker"
    assert processed.resource["deployment.environment.name"] == "staging"
    assert processed.resource["service.version"] == __version__
    assert processed.resource["service.instance.id"] != served.resource["service.instance.id"]
    assert {delivery.headers.get("x-key") for delivery in collector.deliveries} == {"a b", None}
    assert {delivery.headers["content-type"] for delivery in collector.deliveries} == {"application/x-protobuf"}


def test_the_metrics_that_arrive(run, collector: Collector):
    run("request", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
    duration = collector.metrics["http.server.request.duration"]
    assert duration.unit == "s"
    (point,) = duration.histogram.data_points
    assert {0.3, 0.8} <= set(point.explicit_bounds)
    assert point.count == sum(point.bucket_counts) == 1
    assert attributes_of(point.attributes) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/leads",
        "http.response.status_code": 202,
        "url.scheme": "http",
    }
    assert duration.histogram.aggregation_temporality == 2  # cumulative
    (sent,) = collector.metrics["messaging.client.sent.messages"].sum.data_points
    assert sent.as_int == 1
    assert collector.metrics["messaging.client.sent.messages"].sum.is_monotonic
    assert "db.client.operation.duration" in collector.metrics


def test_all_spans_arrive_when_there_are_many(run, collector: Collector):
    ended = run("many", "2000", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, CLARIVUM_LOG_LEVEL="error")
    assert ended.code == 0
    assert len({span.span_id for span in collector.spans}) == 2_000


def test_a_collector_that_never_answers_loses_spans_and_nothing_else(run):
    with Collector(silent=True) as collector:
        ended = run("many", "6000", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, SHUTDOWN_S="1")
        assert len(collector.deliveries) >= 1
    assert ended.code == 0
    assert sum(event["event"] == "request" for event in ended.events) == 6_000
    assert 'http_server_request_duration_seconds_count{http_request_method="GET"' in ended.err.decode()
    dropped = _value(
        ended.err, 'otel_sdk_processor_span_processed_total{otel_component_type="batching_span_processor",'
    )
    assert dropped > 0
    (lost,) = [event for event in ended.events if event["event"] == "spans lost at shutdown"]
    assert dropped + lost["spans"] >= 6_000 - 512


@pytest.mark.parametrize("status", [400, 401, 503])
def test_a_collector_that_refuses_loses_spans_and_nothing_else(run, status: int):
    with Collector(status=status) as collector:
        ended = run("many", "100", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        paths = sorted(delivery.path for delivery in collector.deliveries)
    assert ended.code == 0
    assert paths == ["/v1/metrics", "/v1/traces"]  # a process that ends tries once
    assert [event["spans"] for event in ended.events if event["event"] == "spans lost at shutdown"] == [100]


def test_a_collector_that_is_not_there_loses_spans_and_nothing_else(run):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        ended = run("many", "100", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert ended.code == 0
    assert [event["spans"] for event in ended.events if event["event"] == "spans lost at shutdown"] == [100]


@pytest.mark.parametrize(
    ("sampler", "argument", "spans"),
    [("always_off", "", 0), ("parentbased_always_off", "", 3), ("traceidratio", "0", 0), ("always_on", "", 3)],
)
def test_the_sampler_of_the_environment_decides(run, collector: Collector, sampler: str, argument: str, spans: int):
    run(
        "request",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
        OTEL_TRACES_SAMPLER=sampler,
        OTEL_TRACES_SAMPLER_ARG=argument,
    )
    assert len(collector.spans) == spans
    assert "http.server.request.duration" in collector.metrics


def test_switched_off_nothing_leaves_and_logs_still_carry_the_trace(run, collector: Collector):
    ended = run("many", "1", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_SDK_DISABLED="true")
    assert collector.deliveries == []
    assert b"switched off" in ended.err
    assert len(ended.events[0]["trace_id"]) == 32


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "q7Zx9Kw2"),
        ("OTEL_TRACES_SAMPLER_ARG", "q7Zx9Kw2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "q7Zx9Kw2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "q7Zx9Kw2"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "q7Zx9Kw2"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "q7Zx9Kw2:4318"),
    ],
)
def test_a_bad_variable_stops_the_start_by_name_never_by_value(run, variable: str, value: str):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_SAMPLER": "traceidratio"}
    ended = run("request", **{**environment, variable: value})
    assert ended.code == 3
    assert variable in ended.err.decode()
    assert b"q7Zx9Kw2" not in ended.err + ended.out


def _value(page: bytes, start: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in page.decode().splitlines() if line.startswith(start))
