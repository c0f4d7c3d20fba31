"""One request on a connection and its answer: the ASGI side of connection.py."""

import asyncio
from collections.abc import MutableMapping
from typing import Any, Protocol

from clarivum.api.http.framing import Scope, refusal, status_line
from clarivum.api.problem import concealed
from clarivum.api.response import ASGIApp
from clarivum.telemetry import get_logger

log = get_logger(__name__)


class Connection(Protocol):
    """What a cycle needs of its connection."""

    @property
    def date_line(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    async def writable(self) -> None: ...

    def cycle_ended(self, cycle: "Cycle") -> None: ...


class Cycle:
    """A complete request and the state of its answer. The application is one task, cancelled when the client goes."""

    __slots__ = (
        "_body",
        "_chunked",
        "_connection",
        "_gone",
        "_is_head",
        "_pending",
        "_started",
        "answered",
        "keep_alive",
        "scope",
        "task",
    )

    def __init__(self, connection: Connection, scope: Scope, body: bytes, keep_alive: bool) -> None:
        self._connection = connection
        self.scope = scope
        self._body: bytes | None = body
        self.keep_alive = keep_alive
        self.task: asyncio.Task[None] | None = None
        self.answered = False
        self._started = False
        self._chunked = False
        self._is_head = scope["method"] == "HEAD"
        self._pending: MutableMapping[str, Any] | None = None
        self._gone: asyncio.Future[None] | None = None

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.keep_alive = False
        except Exception as error:  # the application answers its own failures; this one is a fault of ours
            log.critical("request failed outside of its endpoint", exc_info=error)
            self.keep_alive = False
            if not self._started:
                self._started = self.answered = True
                self._connection.write(refusal(concealed(error), self._connection.date_line))
        if not self.answered:
            self.keep_alive = False
        self._connection.cycle_ended(self)
        # The scope holds `respond`, which holds this: let go, so that no request leaves work for the garbage collector.
        self.scope, self.task = {}, None

    def disconnect(self) -> None:
        """The client is gone: whatever the application still does for it is cancelled."""
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self.task is not None and not self.answered:
            self.task.cancel()

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Write a whole answer at once (response.WHOLE_RESPONSE)."""
        if self._started:
            raise RuntimeError("the answer has begun already")
        self._started = self.answered = True
        self._connection.write(
            b"%b%b%b%b%b\r\n%b"
            % (
                status_line(status),
                self._connection.date_line,
                head,
                b"" if status == 204 else b"content-length: %d\r\n" % len(body),
                b"" if self.keep_alive else b"connection: close\r\n",
                b"" if self._is_head else body,
            )
        )

    async def receive(self) -> MutableMapping[str, Any]:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        if not self.answered:
            self._gone = self._gone or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._gone)
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._pending = message
            return
        await self._connection.writable()
        body, more = message.get("body", b""), message.get("more_body", False)
        start, self._pending = self._pending, None
        if start is not None:
            head = b"".join(
                b"%b: %b\r\n" % (name, value) for name, value in start["headers"] if name.lower() != b"content-length"
            )
            if not more:
                self.respond(start["status"], head, body)
                return
            self._begin(start["status"], head)
        self._continue(body, more)

    def _begin(self, status: int, head: bytes) -> None:
        self._started = True
        self._chunked = self.scope["http_version"] == "1.1"
        self.keep_alive = self.keep_alive and self._chunked
        framing = b"transfer-encoding: chunked\r\n" if self._chunked else b""
        closing = b"" if self.keep_alive else b"connection: close\r\n"
        self._connection.write(
            b"".join((status_line(status), self._connection.date_line, head, framing, closing, b"\r\n"))
        )

    def _continue(self, body: bytes, more: bool) -> None:
        if not self._is_head:
            if self._chunked:
                body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
            self._connection.write(body)
        self.answered = not more
