"""An answer as it goes out: status, header lines, body. Built once, written once."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from clarivum.errors import DeclarationError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

WHOLE_RESPONSE = "clarivum.response"
"""ASGI extension of our own server: a function that takes status, head and body at once."""

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")


class Response(NamedTuple):
    """`head` is header lines, each with its CRLF, without content-length."""

    status: int
    head: bytes
    body: bytes


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Raises DeclarationError for a name or value that would break out of its line."""
    lines = []
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise DeclarationError(f"response header {name!r} holds characters that a header cannot carry")
        lines.append(f"{name.lower()}: {value}\r\n")
    return "".join(lines).encode("ascii")


# No CORS headers: a browser on another origin reads nothing. A page may not be framed, sniffed or cached.
SECURITY = header_lines(
    {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "strict-transport-security": "max-age=63072000; includeSubDomains",
    }
)
API_HEAD = SECURITY + header_lines(
    {"cache-control": "no-store", "content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
)
JSON_HEAD = b"content-type: application/json\r\n" + API_HEAD
PROBLEM_HEAD = b"content-type: application/problem+json\r\n" + API_HEAD


def base_head(status: int) -> bytes:
    """The header lines that every successful answer of this status starts with."""
    return API_HEAD if status == 204 else JSON_HEAD


async def write(scope: Scope, send: Send, response: Response) -> None:
    """Send the whole answer: in one call on our own server, as two ASGI messages on any other."""
    status, head, body = response
    whole = scope.get("extensions", _NONE).get(WHOLE_RESPONSE)
    if whole is not None:
        whole(status, head, body)
        return
    lines = head.split(b"\r\n")[:-1]
    headers = [tuple(line.split(b": ", 1)) for line in lines]
    if status != 204:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


_NONE: Mapping[str, Any] = {}
