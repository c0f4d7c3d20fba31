"""Serves the OpenAPI document and its page through Litestar, which is loaded when somebody asks for the first time."""

import asyncio
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from clarivum.api.answering import Answering, Asked
from clarivum.api.openapi.reference_page import STYLE
from clarivum.api.response import SECURITY, Receive, Response, Scope, Send, header_lines
from clarivum.api.security_headers import page_policy

if TYPE_CHECKING:
    from litestar import Litestar

    from clarivum.api.openapi.document import Documented

# The page brings its one style sheet with it and may load nothing at all.
HEAD = SECURITY + header_lines({"cache-control": "no-cache", "content-security-policy": page_policy(STYLE)})


class Documentation:
    """Answers for all of Litestar's paths. Writing the document takes most of a second, so it happens in a thread."""

    def __init__(self, application: "Documented", answering: Answering) -> None:
        self._application = application
        self._answering = answering
        self._litestar: asyncio.Task[Litestar] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path_values: dict[str, bytes]) -> None:
        async def answer(asked: Asked) -> Response:
            if self._litestar is None:
                self._litestar = asyncio.create_task(asyncio.to_thread(self._load))
            return await _asked(await asyncio.shield(self._litestar), scope)

        await self._answering.answer(scope, send, scope["path"], answer)

    def _load(self) -> "Litestar":
        from clarivum.api.openapi.document import documentation_app  # noqa: PLC0415

        app = documentation_app(self._application)
        app.openapi_schema.to_schema()
        return app


async def _asked(litestar: "Litestar", scope: Scope) -> Response:
    """What Litestar answers, with our headers around it."""
    messages: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    await litestar({**scope, "method": "GET", "headers": [], "extensions": {}}, receive, send)  # type: ignore[arg-type]
    status, content_type = messages[0]["status"], dict(messages[0]["headers"]).get(b"content-type", b"text/plain")
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Response(status, b"content-type: %b\r\n%b" % (content_type, HEAD), body)
