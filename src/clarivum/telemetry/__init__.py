"""Spans, metrics, logs and scrubbing. Every route and job gets them by construction; see docs/guide/telemetry.md."""

from clarivum.telemetry.database_calls import DbObservation, database_operation
from clarivum.telemetry.http_requests import HttpObservation, http_server
from clarivum.telemetry.instruments import (
    DATABASE_SECONDS,
    REQUEST_SECONDS,
    Counter,
    Gauge,
    Histogram,
    counter,
    gauge,
    histogram,
)
from clarivum.telemetry.job_line import write_job_line
from clarivum.telemetry.job_messages import JobProcess, JobPublish, job_process, job_publish
from clarivum.telemetry.process import configure, flush, render_prometheus, shutdown
from clarivum.telemetry.prometheus_page import PROMETHEUS_CONTENT_TYPE
from clarivum.telemetry.scrubbing import scrub, scrub_value
from clarivum.telemetry.spans import Span, current_context, span
from clarivum.telemetry.structured import BoundLogger, get_logger
from clarivum.telemetry.trace_context import SpanContext, parse_traceparent

__all__ = [
    "DATABASE_SECONDS",
    "PROMETHEUS_CONTENT_TYPE",
    "REQUEST_SECONDS",
    "BoundLogger",
    "Counter",
    "DbObservation",
    "Gauge",
    "Histogram",
    "HttpObservation",
    "JobProcess",
    "JobPublish",
    "Span",
    "SpanContext",
    "configure",
    "counter",
    "current_context",
    "database_operation",
    "flush",
    "gauge",
    "get_logger",
    "histogram",
    "http_server",
    "job_process",
    "job_publish",
    "parse_traceparent",
    "render_prometheus",
    "scrub",
    "scrub_value",
    "shutdown",
    "span",
    "write_job_line",
]
