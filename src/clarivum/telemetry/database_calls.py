"""Statements sent to the database: a client span and `db.client.operation.duration` each, never a parameter's value.

Names: https://opentelemetry.io/docs/specs/semconv/database/ (stable).
"""

from time import perf_counter
from types import TracebackType
from typing import Self

from clarivum.telemetry.aggregation import HistogramCell
from clarivum.telemetry.finished_spans import Kind, SpanShape
from clarivum.telemetry.instruments import DATABASE_SECONDS, histogram
from clarivum.telemetry.outcomes import bounded_error_type
from clarivum.telemetry.scrubbing import scrub
from clarivum.telemetry.spans import TRACING, ActiveSpan, active_span
from clarivum.telemetry.trace_context import SAMPLED

OPERATION_DURATION = histogram(
    "db.client.operation.duration",
    "Duration of database client operations.",
    "s",
    DATABASE_SECONDS,
    (
        "db.system.name",
        "db.namespace",
        "db.collection.name",
        "db.operation.name",
        "db.query.summary",
        "error.type",
    ),
)
_MAX_OUTCOMES = 8_000
_Operation = tuple[str, str, str | None, str | None, str | None]
_outcomes: dict[_Operation, tuple[HistogramCell, SpanShape]] = {}


class DbObservation:
    """One statement under way; `finish` ends it, or use it as a block. A leaf: nothing runs under it."""

    __slots__ = ("_collection", "_namespace", "_operation", "_span", "_started", "_summary")

    def __init__(self, summary: str, operation: str, collection: str | None, namespace: str | None) -> None:
        self._summary: str | None = summary
        self._operation = operation
        self._collection = collection
        self._namespace = namespace
        parent = active_span()
        recorded = TRACING.sink is not None and (parent is None or parent.flags & SAMPLED)
        self._span = ActiveSpan(parent) if recorded else None
        self._started = perf_counter()

    def finish(self, error: "str | BaseException | None" = None) -> None:
        """Record metric and span; a second call does nothing. `error` is an SQLSTATE or what was raised."""
        summary = self._summary
        if summary is None:
            return
        self._summary = None
        duration_s = perf_counter() - self._started
        error_type = None if error is None else bounded_error_type(error)
        key = (summary, self._operation, self._collection, self._namespace, error_type)
        outcome = _outcomes.get(key)
        if outcome is None:
            outcome = _bind(key)
        outcome[0].record(duration_s)
        span = self._span
        if span is not None:
            if isinstance(error, BaseException):
                span.record_exception(error)
            span._emit(outcome[1], duration_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish(error)


def database_operation(
    summary: str, operation: str, collection: str | None = None, namespace: str | None = None
) -> DbObservation:
    """Start observing a statement: `database_operation("leads_by_source", "SELECT", "leads", "clarivum")`.

    `summary` is the declared query's name or another fixed text, `operation` the SQL verb, `collection` the main table,
    `namespace` the database. All of them come from declarations, none from a request.
    """
    return DbObservation(summary, operation, collection, namespace)


def _bind(key: _Operation) -> tuple[HistogramCell, SpanShape]:
    summary, operation, collection, namespace, error_type = key
    cell = OPERATION_DURATION.at("postgresql", namespace, collection, operation, summary, error_type)
    outcome = (cell, SpanShape(scrub(summary), Kind.CLIENT, cell.attributes, error_type is not None))
    if len(_outcomes) < _MAX_OUTCOMES:
        _outcomes[key] = outcome
    return outcome
