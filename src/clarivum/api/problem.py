"""Problem documents (RFC 9457): what every failure answers."""

from http import HTTPStatus
from typing import Any

import orjson

from clarivum.api.response import PROBLEM_HEAD, Response, header_lines
from clarivum.auth import MULTI_FACTOR
from clarivum.errors import (
    INSUFFICIENT_SCOPE,
    INTERNAL,
    INVALID_SESSION,
    INVALID_TOKEN,
    MFA_REQUIRED,
    RATE_LIMITED,
    REQUEST_IN_FLIGHT,
    UNAUTHENTICATED,
    UNAVAILABLE,
    ClarivumError,
    Code,
    DependencyDownError,
    RequestError,
)

TYPE_BASE = "https://clarivum.com/errors/"
RETRY_AFTER_S = 1
MAX_INSTANCE_CHARACTERS = 2_000

_RETRIED = frozenset({RATE_LIMITED.name, REQUEST_IN_FLIGHT.name, UNAVAILABLE.name})
_CHALLENGES = {
    UNAUTHENTICATED.name: b'www-authenticate: Bearer realm="clarivum"\r\n',
    MFA_REQUIRED.name: b'www-authenticate: Bearer realm="clarivum", error="insufficient_user_authentication", '
    b'error_description="A second factor is required", acr_values="%b"\r\n' % MULTI_FACTOR.encode("ascii"),
    INVALID_SESSION.name: b'www-authenticate: Bearer realm="clarivum"\r\n',
    INVALID_TOKEN.name: b'www-authenticate: Bearer realm="clarivum", error="invalid_token"\r\n',
}


def problem(error: ClarivumError, *, instance: str, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """The answer to a failure. `instance` is the request's path as a URI has it, `request_id` the id of its trace.

    Only a RequestError speaks to the caller; what else goes wrong is internal_error, or unavailable when it is a
    dependency that is down.
    """
    if not isinstance(error, RequestError):
        error = concealed(error)
    code = error.code
    body: dict[str, Any] = {
        "type": TYPE_BASE + code.name,
        "title": code.title,
        "status": code.status,
        "detail": error.detail,
        "instance": instance[:MAX_INSTANCE_CHARACTERS],
        "code": code.name,
        "request_id": request_id,
    }
    if error.violations:
        body["errors"] = [
            {"pointer": violation.pointer, "message": violation.message, "code": violation.code}
            for violation in error.violations
        ]
    body |= error.extensions
    head = PROBLEM_HEAD + _CHALLENGES.get(code.name, b"")
    if code is INSUFFICIENT_SCOPE:
        head += _scope_challenge(error.extensions.get("scope"))
    if error.retry_after_s is not None or code.name in _RETRIED:
        head += b"retry-after: %d\r\n" % (error.retry_after_s or RETRY_AFTER_S)
    if headers:
        head += header_lines(headers)
    return Response(code.status, head, orjson.dumps(_printable(body)))


def concealed(error: BaseException) -> RequestError:
    """What the caller may know of a failure that is not theirs. The log gets the rest."""
    if isinstance(error, DependencyDownError):
        return RequestError("A part that this request needs does not answer.", code=UNAVAILABLE)
    return RequestError("The request failed on our side; the log holds the reason under request_id.", code=INTERNAL)


def schema() -> dict[str, Any]:
    """JSON Schema of a problem document."""
    text = {"type": "string"}
    violation = {
        "type": "object",
        "properties": {
            "pointer": {**text, "description": "JSON pointer into the body, or `query:name`, `path:name`"},
            "message": text,
            "code": text,
        },
        "required": ["pointer", "message", "code"],
    }
    return {
        "type": "object",
        "title": "Problem",
        "description": "RFC 9457 problem details.",
        "properties": {
            "type": {**text, "format": "uri"},
            "title": text,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": text,
            "instance": {**text, "format": "uri-reference"},
            "code": {**text, "description": "Stable; see docs/errors.md."},
            "request_id": {**text, "description": "The id of the request's trace."},
            "scope": {**text, "description": "With insufficient_scope: what the token must hold."},
            "step_up": {**text, "format": "uri-reference", "description": "With mfa_required: where to sign in again."},
            "errors": {"type": "array", "items": violation, "description": "Every failed expectation."},
        },
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    }


def example(code: Code) -> dict[str, Any]:
    """A problem document of this code, for the reference."""
    return {
        "type": TYPE_BASE + code.name,
        "title": code.title,
        "status": code.status,
        "detail": code.remedy,
        "instance": "/",
        "code": code.name,
        "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def _scope_challenge(scope: str | None) -> bytes:
    """The challenge of RFC 6750, section 3.1, with the scope where it is known."""
    named = b"" if scope is None else b', scope="%b"' % scope.encode("ascii")
    return b'www-authenticate: Bearer realm="clarivum", error="insufficient_scope"%b\r\n' % named


def _printable(value: Any) -> Any:
    """Names of members come from the caller: lone surrogates in them cannot be written as UTF-8."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {name: _printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value
