"""Spans know their place in the trace, cost nothing when nobody records, and end once."""

import asyncio
from contextvars import Context
from uuid import UUID

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clarivum.telemetry import SpanContext, current_context, database_operation, http_server, job_publish, span
from clarivum.telemetry.finished_spans import Kind
from clarivum.telemetry.otlp import SpanEncoder
from clarivum.telemetry.sampling import sampler
from clarivum.telemetry.spans import TRACING

CALLER = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, 3)


def test_outside_any_span_there_is_no_context():
    assert current_context() is None


def test_what_runs_inside_belongs_to_the_span_around_it(spans):
    request = http_server("GET", "/x", traceparent=CALLER.traceparent)
    with span("outer"):
        outer = current_context()
        with span("inner", {"leads.count": 3}):
            database_operation("leads", "SELECT").finish()
    request.finish(200)
    statement, inner, outermost, server = spans
    assert {each.trace_id for each in spans} == {CALLER.trace_id}
    assert [each.shape.name for each in spans] == ["leads", "inner", "outer", "GET /x"]
    assert statement.parent_id == inner.span_id
    assert inner.parent_id == outermost.span_id == outer.span_id
    assert outermost.parent_id == server.span_id
    assert server.parent_id == CALLER.span_id
    assert [each.parent_is_remote for each in spans] == [False, False, False, True]
    assert inner.attributes == {"leads.count": 3}
    assert server.start_ns <= inner.start_ns <= inner.end_ns <= server.end_ns
    assert current_context() is None


def test_the_random_flag_travels_and_the_sampled_flag_is_decided():
    assert http_server("GET", "/x", traceparent=CALLER.traceparent).flags == 3
    TRACING.sampler = sampler("always_off")
    assert http_server("GET", "/x", traceparent=CALLER.traceparent).flags == 2
    assert http_server("GET", "/x").flags == 0


def test_without_a_recorder_there_are_still_ids():
    request = http_server("GET", "/x")
    request.set_attribute("a", 1)
    request.record_exception(ValueError("x"))
    assert not request.is_recorded
    assert current_context() == request.context
    assert request.traceparent == f"00-{request.trace_id_hex}-{request.span_id_hex}-01"
    request.finish(200)


def test_what_is_not_sampled_is_not_recorded(spans):
    TRACING.sampler = sampler("parentbased_always_off")
    http_server("GET", "/a").finish(200)
    database_operation("q", "SELECT").finish()
    http_server("GET", "/b", traceparent=CALLER.traceparent).finish(200)
    assert [each.shape.name for each in spans] == ["GET /b"]


def test_an_exception_marks_the_span_and_is_scrubbed(spans):
    error = ValueError("no such lead: alice@example.com")
    with pytest.raises(ValueError, match="no such lead"), span("work", {"token": "abc", "who": "bob@example.com"}):
        raise error
    (work,) = spans
    assert work.shape.failed
    assert work.attributes == {"token": "***", "who": "***", "error.type": "ValueError"}
    ((name, _, attributes),) = work.events
    assert name == "exception"
    assert attributes["exception.type"] == "ValueError"
    assert attributes["exception.message"] == "no such lead: ***"
    assert "test_spans.py" in attributes["exception.stacktrace"]
    assert "alice" not in attributes["exception.stacktrace"]


def test_attributes_of_any_kind_can_be_exported(spans):
    with span("work") as work:
        for name, value in (
            ("float", 1.5),
            ("huge", 2**70),
            ("uuid", UUID(int=1)),
            ("none", None),
            ("list", ["a@b.co"]),
        ):
            work.set_attribute(name, value)
    assert spans[0].attributes == {
        "float": 1.5,
        "huge": "400000000000000000",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "none": "None",
        "list": "['***']",
    }
    request = ExportTraceServiceRequest.FromString(SpanEncoder({}, "x", "1").encode(spans))
    assert len(request.resource_spans[0].scope_spans[0].spans[0].attributes) == 5


def test_a_request_finished_in_another_context_leaves_both_clean():
    request = http_server("GET", "/x")
    Context().run(request.finish, 200)
    assert current_context() == request.context
    request._deactivate()
    other = Context()
    late = other.run(http_server, "GET", "/y")
    late.finish(200)
    assert other.run(current_context) == late.context


async def test_concurrent_requests_do_not_see_each_other():
    seen = []

    async def serve(route: str) -> None:
        request = http_server("GET", route)
        await asyncio.sleep(0)
        assert current_context() == request.context
        with job_publish("a.b", "a_b", "pgmq") as headers:
            await asyncio.sleep(0)
            assert headers["traceparent"].split("-")[1] == request.trace_id_hex
        seen.append(request.trace_id)
        request.finish(200)
        assert current_context() is None

    await asyncio.gather(*(serve(f"/{number}") for number in range(50)))
    assert len(set(seen)) == 50


def test_kinds_are_the_protocols_numbers():
    assert [kind.value for kind in Kind] == [1, 2, 3, 4, 5]
