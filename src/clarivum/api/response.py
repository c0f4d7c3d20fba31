"""An answer as it goes out: status, header lines, body. Built once, written once."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from clarivum.api.security_headers import NOTHING_ALLOWED, SECURITY, header_lines

__all__ = [
    "API_HEAD",
    "JSON_HEAD",
    "PROBLEM_HEAD",
    "SECURITY",
    "WHOLE_RESPONSE",
    "ASGIApp",
    "Receive",
    "Response",
    "Scope",
    "Send",
    "base_head",
    "header_lines",
    "write",
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

WHOLE_RESPONSE = "clarivum.response"
"""ASGI extension of our own server: a function that takes status, head and body at once."""


class Response(NamedTuple):
    """`head` is header lines, each with its CRLF, without content-length."""

    status: int
    head: bytes
    body: bytes


API_HEAD = SECURITY + header_lines({"cache-control": "no-store", "content-security-policy": NOTHING_ALLOWED})
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
