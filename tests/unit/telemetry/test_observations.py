"""Requests, statements and jobs: the names of the semantic conventions, exactly, on spans and metrics."""

import pytest

from clarivum.errors import INVALID_CURSOR, RequestError
from clarivum.telemetry import database_operation, http_server, job_process, job_publish, outcomes, parse_traceparent
from clarivum.telemetry.finished_spans import Kind
from clarivum.telemetry.outcomes import MAX_ERROR_TYPES, bounded_error_type
from clarivum.testing.telemetry import metric_points

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{SPAN}-01"


def test_a_request(spans):
    http_server("POST", "/api/v1/leads", scheme="https").finish(202)
    expected = {
        "http.request.method": "POST",
        "http.route": "/api/v1/leads",
        "http.response.status_code": 202,
        "url.scheme": "https",
    }
    (served,) = spans
    assert (served.shape.name, served.shape.kind, served.shape.failed) == ("POST /api/v1/leads", Kind.SERVER, False)
    assert served.shape.attributes == expected
    ((attributes, point),) = metric_points("http.server.request.duration").items()
    assert (dict(attributes), point.count) == (expected, 1)
    assert point.sum == pytest.approx((served.end_ns - served.start_ns) / 1e9, abs=1e-6)


@pytest.mark.parametrize(
    ("status", "error", "error_type", "failed"),
    [
        (200, None, None, False),
        (404, None, None, False),
        (422, "validation_failed", "validation_failed", False),
        (500, None, "500", True),
        (500, ValueError("x"), "ValueError", True),
        (503, "unavailable", "unavailable", True),
        (400, RequestError("no", code=INVALID_CURSOR), "invalid_cursor", False),
        (500, "a b\nc", "_OTHER", True),
        (500, "alice@example.com", "_OTHER", True),
        (500, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "_OTHER", True),
    ],
)
def test_the_outcome_of_a_request(spans, status, error, error_type, failed):
    http_server("GET", "/x").finish(status, error)
    (served,) = spans
    assert served.shape.attributes.get("error.type") == error_type
    assert served.shape.failed is failed
    assert len(served.events) == isinstance(error, BaseException)


def test_unknown_routes_and_methods_are_one_value_each(spans):
    http_server("GET", None).finish(404)
    http_server("BREW", None).finish(405)
    http_server("BREW", "/pot").finish(405)
    http_server("get", None, scheme="gopher").finish(404)
    assert [served.shape.name for served in spans] == ["GET", "HTTP", "HTTP /pot", "HTTP"]
    assert "http.route" not in spans[0].shape.attributes
    assert spans[1].shape.attributes["http.request.method"] == "_OTHER"
    assert spans[3].shape.attributes["url.scheme"] == "_OTHER"


def test_a_request_ends_once(spans):
    request = http_server("GET", "/x")
    request.finish(200)
    request.finish(500)
    assert len(spans) == 1
    assert sum(point.count for point in metric_points("http.server.request.duration").values()) == 1


def test_the_route_may_be_known_late(spans):
    request = http_server("GET", None)
    request.route = "/api/v1/leads/{id}"
    request.finish(200)
    assert spans[0].shape.name == "GET /api/v1/leads/{id}"


def test_a_path_given_by_mistake_is_scrubbed(spans, logs):
    http_server("GET", "/users/alice@example.com").finish(200)
    assert spans[0].shape.name == "GET /users/***"
    assert logs.events[0]["route"] == "/users/***"


def test_a_hostile_caller_gets_a_trace_of_our_own():
    request = http_server("GET", "/x", traceparent=f"00-{TRACE}-{SPAN}-zz", tracestate="a=1", baggage="b=2")
    assert request.trace_id_hex != TRACE
    assert (request.parent_id, request.tracestate, request.baggage) == (0, "", "")
    request.finish(200)


def test_a_statement(spans):
    with database_operation("leads_by_source", "SELECT", "leads", "clarivum"):
        pass
    expected = {
        "db.system.name": "postgresql",
        "db.namespace": "clarivum",
        "db.collection.name": "leads",
        "db.operation.name": "SELECT",
        "db.query.summary": "leads_by_source",
    }
    (statement,) = spans
    assert (statement.shape.name, statement.shape.kind) == ("leads_by_source", Kind.CLIENT)
    assert statement.shape.attributes == expected
    ((attributes, point),) = metric_points("db.client.operation.duration").items()
    assert (dict(attributes), point.count) == (expected, 1)


@pytest.mark.parametrize(("error", "error_type"), [("23505", "23505"), (TimeoutError(), "TimeoutError")])
def test_a_statement_that_fails(spans, error, error_type):
    statement = database_operation("q", "INSERT")
    statement.finish(error)
    statement.finish()
    assert [(each.shape.failed, each.shape.attributes["error.type"]) for each in spans] == [(True, error_type)]


def test_a_statement_outside_any_trace_starts_one(spans):
    database_operation("q", "SELECT").finish()
    assert spans[0].parent_id == 0
    assert spans[0].trace_id


def test_a_message_carries_the_trace_to_the_worker(spans):
    request = http_server("POST", "/x", traceparent=CALLER, tracestate="vendor=1", baggage="tenant=acme")
    with job_publish("leads.enrich", "leads_enrich", "pgmq") as headers:
        pass
    request.finish(202)
    assert headers["tracestate"] == "vendor=1"
    assert headers["baggage"] == "tenant=acme"
    context = parse_traceparent(headers["traceparent"])
    with job_process(
        "leads.enrich",
        "leads_enrich",
        "pgmq",
        42,
        2,
        producer_traceparent=headers["traceparent"],
        tracestate=headers["tracestate"],
        baggage=headers["baggage"],
    ):
        database_operation("mark_enriched", "UPDATE", "leads").finish()
        with job_publish("leads.welcome", "leads_welcome", "pgmq") as onward:
            assert onward["baggage"] == "tenant=acme"
    sent, served, statement, onward_sent, processed = spans
    assert {each.trace_id for each in spans} == {int(TRACE, 16)}
    assert (sent.shape.name, sent.shape.kind, sent.parent_id) == ("send leads_enrich", Kind.PRODUCER, served.span_id)
    assert (processed.shape.name, processed.shape.kind) == ("process leads_enrich", Kind.CONSUMER)
    assert processed.link == context
    assert context.span_id == sent.span_id == processed.parent_id
    assert processed.parent_is_remote
    assert statement.parent_id == onward_sent.parent_id == processed.span_id
    assert sent.shape.attributes == {
        "messaging.system": "pgmq",
        "messaging.destination.name": "leads_enrich",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "clarivum.job.name": "leads.enrich",
    }
    assert processed.shape.attributes == {
        "messaging.system": "pgmq",
        "messaging.destination.name": "leads_enrich",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "clarivum.job.name": "leads.enrich",
    }
    assert processed.attributes == {"messaging.message.id": "42", "clarivum.job.attempt": 2}
    counted = {
        ("messaging.system", "pgmq"),
        ("messaging.destination.name", "leads_enrich"),
        ("clarivum.job.name", "leads.enrich"),
    }
    sends = metric_points("messaging.client.sent.messages")
    assert sends[frozenset({*counted, ("messaging.operation.name", "send")})] == 1
    processes = metric_points("messaging.process.duration")
    assert processes[frozenset({*counted, ("messaging.operation.name", "process")})].count == 1


def test_a_message_without_a_valid_trace_starts_its_own(spans):
    with job_process("a.b", "a_b", "pgmq", "x", 1, producer_traceparent="nonsense", baggage="tenant=acme") as run:
        assert run.baggage == ""
    assert spans[0].parent_id == 0
    assert spans[0].link is None


def test_a_failed_attempt_raised_or_caught(spans):
    with pytest.raises(KeyError), job_process("a.b", "a_b", "pgmq", 1, 1, producer_traceparent=None):
        raise KeyError("alice@example.com")
    with job_process("a.b", "a_b", "pgmq", 1, 1, producer_traceparent=None) as run:
        run.fail("timeout")
    with pytest.raises(OSError, match="gone"), job_publish("a.b", "a_b", "pgmq"):
        raise OSError("gone")
    assert [(each.shape.failed, each.shape.attributes["error.type"]) for each in spans] == [
        (True, "KeyError"),
        (True, "timeout"),
        (True, "OSError"),
    ]
    assert spans[0].events[0].attributes["exception.message"] == "'***'"


def test_error_types_are_bounded(monkeypatch):
    monkeypatch.setattr(outcomes, "_seen", {})
    for number in range(MAX_ERROR_TYPES * 2):
        bounded_error_type(f"Flood{number}")
    assert bounded_error_type("OneMoreThanThat") == "_OTHER"
