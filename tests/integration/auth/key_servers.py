"""Real servers on loopback that answer a key-set request well, badly, or not at all."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Behaviour = Callable[[Writer], Awaitable[None]]


@dataclass
class KeyServer:
    """`behaviour` says what happens after a request's head was read; it may be exchanged while the server runs."""

    behaviour: Behaviour
    port: int = 0
    requests: int = 0
    sent_bytes: int = 0
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/"

    async def handle(self, reader: Reader, writer: Writer) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            await self.behaviour(writer)
        with contextlib.suppress(Exception):
            writer.close()


@contextlib.asynccontextmanager
async def key_server(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[KeyServer]:
    """A server on a free loopback port; every connection is cut when the block ends."""
    server = KeyServer(behaviour, tls=tls)
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        await server.handle(reader, writer)

    listener = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def answers(body: bytes, status: str = "200 OK", headers: str = "content-type: application/json") -> Behaviour:
    """A complete answer of this body."""

    async def behave(writer: Writer) -> None:
        head = f"HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return behave


def says(*pieces: bytes, then_hangs: bool = False) -> Behaviour:
    """These bytes as they are, then the end of the connection, or silence."""

    async def behave(writer: Writer) -> None:
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        if then_hangs:
            await asyncio.Event().wait()

    return behave


def drips(start: bytes, piece: bytes, every_s: float) -> Behaviour:
    """A beginning, then a piece now and then for as long as anybody listens."""

    async def behave(writer: Writer) -> None:
        writer.write(start)
        while True:
            await writer.drain()
            await asyncio.sleep(every_s)
            writer.write(piece)

    return behave


def floods(server_bytes: Callable[[int], None], total: int, chunked: bool) -> Behaviour:
    """`total` bytes of white space as fast as they are taken, reporting to `server_bytes` how many were."""

    async def behave(writer: Writer) -> None:
        length = "transfer-encoding: chunked" if chunked else f"content-length: {total}"
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{length}\r\n\r\n".encode())
        block = b" " * 65_536
        for _ in range(total // len(block)):
            writer.write(b"10000\r\n" + block + b"\r\n" if chunked else block)
            await writer.drain()
            server_bytes(len(block))

    return behave
