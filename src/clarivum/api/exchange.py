"""The two ends of every request: the observation that starts it, and the one answer that goes out."""

from urllib.parse import quote

from clarivum.api.problem import concealed, problem
from clarivum.api.request import Headers
from clarivum.api.response import Response, Scope, Send, write
from clarivum.errors import INTERNAL, UNAVAILABLE, DependencyDownError, RequestError
from clarivum.telemetry import HttpObservation, get_logger, http_server

log = get_logger(__name__)

URI_CHARACTERS = "/%:@!$&'()*+,;=-._~"

CLIENT_GONE = 499
"""What metrics and access lines say when nobody was left to answer; never sent."""


def observe(scope: Scope, headers: Headers, route: str | None) -> HttpObservation:
    """Start span, metric and access line. A hostile traceparent starts a trace of its own."""
    traceparent = headers.get(b"traceparent")
    if traceparent is None:
        return http_server(scope["method"], route, scheme=scope.get("scheme", "http"))
    return http_server(
        scope["method"],
        route,
        traceparent=traceparent.decode("latin-1"),
        tracestate=_text(headers.get(b"tracestate")),
        baggage=_text(headers.get(b"baggage")),
        scheme=scope.get("scheme", "http"),
    )


def failed(error: Exception, scope: Scope, observation: HttpObservation) -> tuple[Response, str | Exception]:
    """The problem document for a failure, and what the telemetry calls it. What is not the caller's is logged."""
    if isinstance(error, RequestError):
        shown = error
        if error.code is INTERNAL:
            log.error("request failed", route=observation.route, reason=error.log or error.detail)
        elif error.log is not None:
            log.info("request refused", route=observation.route, code=error.code.name, reason=error.log)
    else:
        shown = concealed(error)
        if isinstance(error, DependencyDownError):
            log.warning("a dependency is down", route=observation.route, reason=error.detail)
        else:
            log.error("request failed", route=observation.route, exc_info=error)
    answer = problem(shown, instance=_instance(scope), request_id=observation.trace_id_hex)
    return answer, shown.code.name if shown.code is not INTERNAL else error


def too_late(timeout_s: float) -> RequestError:
    """The 503 of a request whose time for an answer is over."""
    return RequestError(f"There was no answer within {timeout_s:g} seconds.", code=UNAVAILABLE)


async def finish(
    scope: Scope,
    send: Send,
    observation: HttpObservation,
    response: Response,
    *,
    error_type: str | Exception | None = None,
    extra_head: bytes = b"",
) -> None:
    """End the observation and send the answer, with the id under which its trace and its log lines are found."""
    status, head, body = response
    observation.finish(status, error_type)
    head += b"x-request-id: %b\r\n%b" % (observation.trace_id_hex.encode("ascii"), extra_head)
    await write(scope, send, Response(status, head, body))


def _instance(scope: Scope) -> str:
    """The path as it was sent, so that it is a URI reference whatever it holds."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else quote(raw, safe=URI_CHARACTERS)


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")
