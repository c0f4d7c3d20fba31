"""HTTP/1.1 to one endpoint: kept connections, one request at a time on each.

Every action that we send may be repeated (delivery is at least once anyway), so a kept connection that turns out to be
closed costs one more try and nothing else.
"""

import asyncio
import ssl
from collections import deque
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

CONNECT_TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024
KEEP_IDLE = 64


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class WireError(Exception):
    """No answer: refused, cut, silent, or not HTTP."""


class Connection(asyncio.Protocol):
    """One connection. `request` is not to be called while another one waits."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body = bytearray()
        self.usable = False
        self.fresh = True

    # -- asyncio -----------------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self.usable = True

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._fail(f"the connection was lost: {error or 'closed by the endpoint'}")

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the answer is not HTTP: {error}")
            self.close()

    # -- httptools ---------------------------------------------------------------------------------------------------
    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > MAX_ANSWER_BYTES:
            self._fail("the answer is too large")
            self.close()

    def on_message_complete(self) -> None:
        assert self._parser is not None
        parser, self._parser = self._parser, None
        self.usable = self.usable and parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(parser.get_status_code(), bytes(self._body)))

    # -- use ---------------------------------------------------------------------------------------------------------
    async def request(self, request: bytes) -> Answer:
        """Send and wait. Raises WireError; cancelled, the connection is closed."""
        assert self._transport is not None
        self._parser, self._body = httptools.HttpResponseParser(self), bytearray()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            answer = await self._answer
        except BaseException:
            self.close()
            raise
        self.fresh = False
        return answer

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WireError(reason))


class Wire:
    """Connections to one endpoint, at most `connections` at once. Belongs to one event loop."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if secure else 80))
        self._tls = ssl.create_default_context() if secure else None
        self.host = parts.netloc.rpartition("@")[2]
        self.path = parts.path or "/"
        self._places = asyncio.Semaphore(connections)
        self._idle: deque[Connection] = deque()

    async def request(self, request: bytes, timeout_s: float) -> Answer:
        """Send one request; a kept connection that was closed meanwhile is replaced. Raises WireError."""
        async with self._places:
            while True:
                connection = await self._connection()
                fresh = connection.fresh
                try:
                    async with asyncio.timeout(timeout_s):
                        answer = await connection.request(request)
                except TimeoutError:
                    raise WireError(f"no answer within {timeout_s:g} s") from None
                except WireError:
                    if fresh:
                        raise
                    continue
                if connection.usable and len(self._idle) < KEEP_IDLE:
                    self._idle.append(connection)
                else:
                    connection.close()
                return answer

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection, *self._address, ssl=self._tls
                )
        except TimeoutError:
            raise WireError(f"no connection within {CONNECT_TIMEOUT_S:g} s") from None
        except OSError as error:
            raise WireError(f"no connection: {error.strerror or error}") from None
        return connection
