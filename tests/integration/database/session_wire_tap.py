"""A TCP proxy before Postgres that counts round trips, and goes silent or cuts when the test says so."""

import asyncio
import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit


class WireTap:
    """`url` leads through the tap. `turns` counts how often the client spoke after the server had."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._swallowing = False
        self.url = ""
        self.turns = 0
        self.swallowed = asyncio.Event()

    async def __aenter__(self) -> "WireTap":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        login = self._target.netloc.rpartition("@")[0]
        self.url = urlunsplit(self._target._replace(netloc=f"{login}@127.0.0.1:{port}"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """End every connection with a reset."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    @contextlib.contextmanager
    def swallowing(self) -> Iterator[None]:
        """Requests reach the server; its answers vanish. `swallowed` is set by the first one that does."""
        self._swallowing = True
        self.swallowed.clear()
        try:
            yield
        finally:
            self._swallowing = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        spoken = _LastSpeaker()
        for source, sink, is_client in ((reader, up_writer, True), (up_reader, writer, False)):
            self._writers.add(sink)
            task = asyncio.create_task(self._copy(source, sink, is_client, spoken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_client: bool, spoken: "_LastSpeaker"
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65_536):
                if is_client and not spoken.is_client:
                    self.turns += 1
                spoken.is_client = is_client
                if self._swallowing and not is_client:
                    self.swallowed.set()
                    continue
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
        self._writers.discard(sink)


class _LastSpeaker:
    is_client = False
