"""What the stand-in answers with, and how it goes out over ASGI."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON document (or, for `str`, text of `media_type`)."""

    status: int
    content: dict[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/plain"


def refusal(status: int, error: str, description: str) -> Answer:
    """In Auth0's words."""
    return Answer(status, {"error": error, "error_description": description})


def not_allowed(*methods: str) -> Answer:
    allow = ", ".join(methods)
    description = f"This path answers {allow}."
    return Answer(405, {"error": "invalid_request", "error_description": description}, {"allow": allow})


def moved(location: str) -> Answer:
    """The browser goes there with a GET."""
    return Answer(303, "", {"location": location})


async def whole_body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than 16 kB."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body


async def send_answer(send: Send, answer: Answer) -> None:
    """Send it, never to be cached."""
    text = isinstance(answer.content, str)
    body = answer.content.encode() if isinstance(answer.content, str) else json.dumps(answer.content).encode()
    headers = {
        "content-type": f"{answer.media_type}; charset=utf-8" if text else "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        **answer.headers,
    }
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
