"""Requests served: a server span, `http.server.request.duration` and one access line each.

Names: https://opentelemetry.io/docs/specs/semconv/http/ (stable).
"""

from time import perf_counter

from clarivum.telemetry.access_line import write_access_line
from clarivum.telemetry.aggregation import HistogramCell
from clarivum.telemetry.finished_spans import Kind, SpanShape
from clarivum.telemetry.instruments import REQUEST_SECONDS, histogram
from clarivum.telemetry.outcomes import bounded_error_type
from clarivum.telemetry.scrubbing import scrub
from clarivum.telemetry.spans import ActiveSpan
from clarivum.telemetry.trace_context import SpanContext, bounded_baggage, bounded_tracestate, parse_traceparent

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"})

REQUEST_DURATION = histogram(
    "http.server.request.duration",
    "Duration of HTTP server requests.",
    "s",
    REQUEST_SECONDS,
    ("http.request.method", "http.route", "http.response.status_code", "url.scheme", "error.type"),
)
_MAX_OUTCOMES = 4_000
_Outcome = tuple[str, str | None, int, str | None, str]
_Bound = tuple[HistogramCell, SpanShape, str | None]
_outcomes: dict[_Outcome, _Bound] = {}


class HttpObservation(ActiveSpan):
    """One request being served; `finish` ends it. Everything logged meanwhile in its task carries its trace id."""

    __slots__ = ("_finished", "method", "route", "scheme")

    def __init__(
        self, parent: SpanContext | None, tracestate: str, baggage: str, *, method: str, route: str | None, scheme: str
    ) -> None:
        super().__init__(parent, tracestate, baggage)
        self.method = method if method in KNOWN_METHODS else "_OTHER"
        self.route = route
        self.scheme = scheme
        self._finished = False
        self._activate()

    def finish(self, status: int, error_type: "str | BaseException | None" = None) -> None:
        """Record span, metric and access line; a second call does nothing.

        `error_type` is a code or exception class where something failed; a status from 500 without one is its own type.
        """
        if self._finished:
            return
        self._finished = True
        duration_s = perf_counter() - self._started
        if error_type is not None:
            if not isinstance(error_type, str):
                self.record_exception(error_type)
            error_type = bounded_error_type(error_type)
        key = (self.method, self.route, status, error_type, self.scheme)
        outcome = _outcomes.get(key)
        if outcome is None:
            outcome = _bind(key)
        cell, shape, route = outcome
        cell.record(duration_s)
        if self._sink is not None:
            self._emit(shape, duration_s)
        self._deactivate()
        write_access_line(
            self, method=self.method, route=route, status=status, error_type=error_type, duration_s=duration_s
        )


def http_server(
    method: str,
    route: str | None,
    *,
    traceparent: str | None = None,
    tracestate: str | None = None,
    baggage: str | None = None,
    scheme: str = "http",
) -> HttpObservation:
    """Start observing a request. `route` is the template (`/api/v1/leads/{id}`), None when no route matched.

    The headers are given as received, None when absent or sent twice. `obs.route` may be set until `finish`, where
    routing happens later than the start.
    """
    parent = None if traceparent is None else parse_traceparent(traceparent)
    if parent is None:
        tracestate = baggage = None
    return HttpObservation(
        parent,
        bounded_tracestate(tracestate) if tracestate else "",
        bounded_baggage(baggage) if baggage else "",
        method=method,
        route=route,
        scheme=scheme,
    )


def _bind(key: _Outcome) -> _Bound:
    """The cell, the span's shape and the route as they may be shown, for one combination of what declarations allow."""
    method, route, status, error_type, scheme = key
    error = error_type or (str(status) if status >= 500 else None)
    scheme = scheme if scheme in {"http", "https"} else "_OTHER"
    shown = None if route is None else scrub(route)
    cell = REQUEST_DURATION.at(method, shown, status, scheme, error)
    name = "HTTP" if method == "_OTHER" else method
    shape = SpanShape(name if shown is None else f"{name} {shown}", Kind.SERVER, cell.attributes, status >= 500)
    if len(_outcomes) < _MAX_OUTCOMES:
        _outcomes[key] = (cell, shape, shown)
    return cell, shape, shown
