"""HTTP/1.1 on one connection: uvicorn's place for a protocol, with our limits and one write per answer.

uvicorn's own httptools protocol has no limit on headers, on bodies or on the time a request takes to arrive, and
answers bad framing in plain text. This one starts the application when the whole request is there, keeps deadlines as
numbers that one timer for all connections looks at, and writes an answer at once (docs/adr/0004-compiled-routes.md).
"""

import asyncio
import math
from collections import deque
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from clarivum.api.http.cycle import Cycle
from clarivum.api.http.framing import Head, head_too_large, malformed, refusal, unknown_method, with_connection
from clarivum.api.http.limits import Limits, Unfinished
from clarivum.api.http.timekeeper import Timekeeper
from clarivum.api.request import too_large
from clarivum.errors import REQUEST_TIMEOUT, UNAVAILABLE, RequestError

NEVER = math.inf
SLICE_BYTES = 16_384


class HttpConnection(asyncio.Protocol):
    """One client's connection. One request runs at a time; pipelined ones wait in `_queue`, the rest in `_unread`.

    At any moment one deadline counts (`_deadline`): for the rest of a request, for the next request, or for a client
    that must read its answer. While the application works there is none: its own counts (deadlines.py).
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        timekeeper: Timekeeper,
        unfinished: Unfinished,
    ) -> None:
        self._app = config.loaded_app
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._limits = limits
        self._timekeeper = timekeeper
        self._unfinished = unfinished
        self._transport = cast(asyncio.Transport, None)
        self._client: tuple[str, int] | None = None
        self._server: tuple[str, int] | None = None
        self._scheme = "http"
        self._parser = httptools.HttpRequestParser(self)
        self._head: Head | None = None
        self._in_body = False
        self._receiving = False
        self._began_now = False
        self._unparsed_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._cycle: Cycle | None = None
        self._queue: deque[Cycle] = deque()
        self._unread = b""
        self._paused = False
        self._refusing: RequestError | None = None
        self._closing = False
        self._deadline = NEVER
        self._drained: asyncio.Future[None] | None = None

    # -- what cycles use ---------------------------------------------------------------------------------------------
    @property
    def date_line(self) -> bytes:
        return self._timekeeper.date_line

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the client has read enough of what was written."""
        if self._drained is not None:
            await asyncio.shield(self._drained)

    def cycle_ended(self, cycle: Cycle) -> None:
        self._state.total_requests += 1
        if cycle.task is not None:
            self._state.tasks.discard(cycle.task)
        self._cycle = None
        if not cycle.keep_alive:
            self._end()
        elif self._drained is None:
            self._proceed()

    # -- asyncio.Protocol --------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._client = _address(transport.get_extra_info("peername"))
        self._server = _address(transport.get_extra_info("sockname"))
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._state.connections.add(cast(Any, self))
        self._deadline = self._loop.time() + self._limits.receive_timeout_s
        self._timekeeper.watch(self._loop, cast(Any, self._state.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._state.connections.discard(cast(Any, self))
        self._queue.clear()
        self._forget_body()
        self.resume_writing()
        if self._cycle is not None:
            self._cycle.disconnect()

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()
        self._deadline = self._loop.time() + self._limits.send_timeout_s

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set_result(None)
            if self._cycle is None:
                self._proceed()
            else:
                self._deadline = NEVER

    def data_received(self, data: bytes) -> None:
        if not self._receiving:
            self._receiving = True
            if self._cycle is None:
                self._deadline = self._loop.time() + self._limits.receive_timeout_s
        self._feed(data)

    def shutdown(self) -> None:
        """The server stops: finish what runs, close the rest. Called by uvicorn."""
        if self._cycle is None:
            self._end()
        else:
            self._queue.clear()
            self._cycle.keep_alive = False

    def check(self, now: float) -> None:
        """Act on a deadline that has passed. Called by the timekeeper."""
        if now < self._deadline:
            return
        self._deadline = NEVER
        if self._closing or self._drained is not None:
            self._transport.abort()
        elif self._head is not None and self._cycle is None:
            limit_s = self._limits.receive_timeout_s
            self._refuse(RequestError(f"The request did not arrive within {limit_s:g} seconds.", code=REQUEST_TIMEOUT))
        elif self._cycle is None:
            self._end()

    # -- httptools ---------------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        self._head = Head(self._limits)
        self._in_body = False
        self._began_now = True
        self._unparsed_bytes = 0

    def on_url(self, url: bytes) -> None:
        assert self._head is not None
        self._head.add_target(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is None or self._in_body:
            raise malformed("trailers are not read")
        self._head.add_header(name, value)

    def on_headers_complete(self) -> None:
        assert self._head is not None
        wants_continue = self._head.check(is_http_1_1=self._parser.get_http_version() == "1.1")
        self._in_body = True
        if wants_continue and self._cycle is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        size, limits = len(body), self._limits
        self._body.append(body)
        self._body_bytes += size
        self._unfinished.size_bytes += size
        if self._body_bytes > limits.max_body_bytes:
            raise too_large(limits.max_body_bytes)
        if self._unfinished.size_bytes > limits.max_unfinished_bytes:
            raise RequestError("Too many bodies are arriving at once.", code=UNAVAILABLE)

    def on_message_complete(self) -> None:
        head, self._head = self._head, None
        assert head is not None
        scope = head.scope(self._parser.get_method().decode("ascii"), self._parser.get_http_version())
        body = b"".join(self._body) if len(self._body) != 1 else self._body[0]
        self._forget_body()
        self._accept(scope, body, self._parser.should_keep_alive())

    # -- steps -------------------------------------------------------------------------------------------------------
    def _feed(self, data: bytes) -> None:
        """Parse a slice at a time, and nothing while parsed requests wait: who does not stop sending waits too."""
        while data and not self._closing and self._refusing is None:
            if self._queue or self._unread:
                self._unread += data
                self._paused = True
                self._transport.pause_reading()
                return
            data = self._parse(data[:SLICE_BYTES]) + data[SLICE_BYTES:]

    def _parse(self, data: bytes) -> bytes:
        """Feed the parser; returns what it left."""
        at_start = self._began_now = self._head is None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # not taken up (RFC 9110, 7.8): HTTP/1.1 goes on
            return data[upgrade.args[0] :]
        except httptools.HttpParserInvalidMethodError:
            self._serve_unknown_method(data if at_start else b"")
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, RequestError) else malformed("its framing is broken"))
        else:
            self._bound_unfinished_head(len(data))
        return b""

    def _proceed(self) -> None:
        """Nothing runs: serve what waits, or wait for what comes."""
        if self._transport.is_closing():
            return
        if not self._queue and self._unread:
            data, self._unread = self._unread, b""
            self._feed(data)
        if self._cycle is not None or self._closing:
            return
        if self._queue:
            self._start(self._queue.popleft())
        elif self._refusing is not None:
            self._refuse(self._refusing)
        else:
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            self._receiving = self._head is not None
            limits = self._limits
            wait_s = limits.receive_timeout_s if self._receiving else limits.keep_alive_s
            self._deadline = self._loop.time() + wait_s

    def _accept(self, scope: dict[str, Any], body: bytes, keep_alive: bool) -> None:
        cycle = Cycle(self, scope, body, keep_alive)
        with_connection(
            scope,
            client=self._client,
            server=self._server,
            scheme=self._scheme,
            state=self._app_state.copy(),
            respond=cycle.respond,
        )
        if self._cycle is None:
            self._start(cycle)
        else:
            self._queue.append(cycle)

    def _start(self, cycle: Cycle) -> None:
        self._cycle = cycle
        self._deadline = NEVER
        cycle.task = self._loop.create_task(cycle.run(cast(Any, self._app)))
        self._state.tasks.add(cycle.task)

    def _serve_unknown_method(self, data: bytes) -> None:
        """A method httptools does not know is no broken framing: the application answers it, 405 or 404."""
        scope = None
        if self._cycle is None and data:
            try:
                scope = unknown_method(data, self._limits)
            except RequestError as error:
                self._refuse(error)
                return
        if scope is None:
            self._refuse(malformed("its method is unknown"))
        else:
            self._head = None
            self._accept(scope, b"", keep_alive=False)

    def _forget_body(self) -> None:
        if self._body_bytes:
            self._unfinished.size_bytes -= self._body_bytes
            self._body, self._body_bytes = [], 0

    def _bound_unfinished_head(self, size_bytes: int) -> None:
        """httptools keeps a header to itself until it ends, so that one without an end is counted here."""
        if self._head is None or self._in_body or self._began_now:
            return
        self._unparsed_bytes += size_bytes
        if self._unparsed_bytes > self._limits.max_head_bytes:
            self._refuse(head_too_large(self._limits))

    def _refuse(self, error: RequestError) -> None:
        """Answer what is no request, after the answers that are due before, and close."""
        self._refusing = error
        self._head = None
        self._forget_body()
        if self._cycle is None and not self._queue and not self._transport.is_closing():
            self._transport.write(refusal(error, self.date_line))
            self._end(linger=True)

    def _end(self, *, linger: bool = False) -> None:
        """Close when everything is written.

        `linger`: read and drop for a while what still arrives; closing at once would send a reset, which may overtake
        the answer (RFC 9112, 9.6).
        """
        self._closing = True
        self._queue.clear()
        limits = self._limits
        self._deadline = self._loop.time() + (limits.linger_s if linger else limits.send_timeout_s)
        if linger:
            self._transport.resume_reading()
            self._transport.write_eof()
        else:
            self._transport.close()


def _address(found: Any) -> tuple[str, int] | None:
    return (found[0], found[1]) if isinstance(found, tuple) else None
