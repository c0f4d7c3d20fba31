"""The head of a request, from what httptools reports to an ASGI scope. No I/O; only plain HTTP/1.1 gets through."""

import re
from typing import Any
from urllib.parse import unquote

import httptools

from clarivum.api.http.limits import Limits
from clarivum.api.problem import phrase, problem
from clarivum.api.request import too_large
from clarivum.api.response import WHOLE_RESPONSE
from clarivum.errors import HEADERS_TOO_LARGE, MALFORMED_REQUEST, RequestError
from clarivum.telemetry import http_server

Scope = dict[str, Any]
ASGI = {"version": "3.0", "spec_version": "2.4"}
HEADER_OVERHEAD_BYTES = 4

# The names whose values decide where the request ends, or whether it is one at all.
_NOTED = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}) (/[!-~]{0,8000}) HTTP/1\.[01]\r\n")


class Head:
    """Collects the head of one request; its methods raise RequestError for what is too large or malformed."""

    __slots__ = ("_limits", "_noted", "_size", "headers", "target")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._size = 0
        self._noted: dict[bytes, bytes] | None = None
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def add_target(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limits.max_head_bytes:
            raise head_too_large(self._limits)
        self.target += part

    def add_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value) + HEADER_OVERHEAD_BYTES
        name = name.lower()
        if name in _NOTED:
            noted = self._noted = self._noted or {}
            if name in noted:
                raise malformed(f"{name.decode()} is sent twice")
            noted[name] = value
        self.headers.append((name, value))
        limits = self._limits
        if self._size > limits.max_head_bytes or len(self.headers) > limits.max_headers:
            raise head_too_large(limits)

    def check(self, *, is_http_1_1: bool) -> bool:
        """Whether the client waits for `100 Continue`. Called with the last header."""
        noted = self._noted or {}
        if is_http_1_1 and b"host" not in noted:
            raise malformed("Host is missing")
        encoding = noted.get(b"transfer-encoding")
        if encoding is not None and (encoding.strip().lower() != b"chunked" or not is_http_1_1):
            raise malformed("the only Transfer-Encoding is chunked")
        length = noted.get(b"content-length")
        if length is not None and int(length) > self._limits.max_body_bytes:
            raise too_large(self._limits.max_body_bytes)
        return noted.get(b"expect", b"").strip().lower() == b"100-continue"

    def scope(self, method: str, http_version: str) -> Scope:
        """The request's own part of an ASGI scope."""
        target = self.target
        if not target.startswith(b"/"):
            target = _origin_form(target)
        raw_path, _, query = target.partition(b"?")
        try:
            path = raw_path.decode("ascii")
        except UnicodeDecodeError:
            raise malformed("the request target is not ASCII") from None
        return {
            "type": "http",
            "asgi": ASGI,
            "http_version": http_version,
            "method": method,
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
        }


def unknown_method(data: bytes, limits: Limits) -> Scope | None:
    """The scope of a request whose method httptools does not know, so that it gets its 405. None when it is none."""
    match = REQUEST_LINE.match(data)
    if match is None:
        return None
    head = Head(limits)
    head.target = match[2]
    return head.scope(match[1].decode("ascii"), "1.1")


def with_connection(
    scope: Scope, *, client: Any, server: Any, scheme: str, state: dict[str, Any], respond: Any
) -> Scope:
    """The rest of the scope: what the connection and the server know."""
    scope["client"] = client
    scope["server"] = server
    scope["scheme"] = scheme
    scope["state"] = state
    scope["extensions"] = {WHOLE_RESPONSE: respond}
    return scope


def refusal(error: RequestError, date_line: bytes) -> bytes:
    """A whole answer to what never became a request. It is observed like any other, without a route."""
    observation = http_server("_OTHER", None)
    status, head, body = problem(error, instance="/", request_id=observation.trace_id_hex)
    observation.finish(status, error.code.name)
    return b"%bx-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
        status_line(status) + date_line + head,
        observation.trace_id_hex.encode("ascii"),
        len(body),
        body,
    )


def status_line(status: int) -> bytes:
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def malformed(what: str) -> RequestError:
    return RequestError(f"The request is not well-formed HTTP/1.1: {what}.", code=MALFORMED_REQUEST)


def head_too_large(limits: Limits) -> RequestError:
    return RequestError(
        f"The head of a request is at most {limits.max_head_bytes} bytes and {limits.max_headers} headers.",
        code=HEADERS_TOO_LARGE,
    )


def _origin_form(target: bytes) -> bytes:
    """`http://host/path?query` as a proxy sends it, reduced to path and query."""
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise malformed("the request target is no path") from None
    if not url.schema or not url.path:
        raise malformed("the request target is no path")
    return url.path + (b"?" + url.query if url.query is not None else b"")


def _status_lines() -> dict[int, bytes]:
    lines = {}
    for status in range(100, 600):
        try:
            lines[status] = f"HTTP/1.1 {status} {phrase(status)}\r\n".encode("ascii")
        except ValueError:
            continue
    return lines


STATUS_LINES = _status_lines()
