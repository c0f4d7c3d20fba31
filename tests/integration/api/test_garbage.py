"""A request leaves nothing behind that only the garbage collector could free: its pauses would be everybody's."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import uvloop

from clarivum.api.http.connection import HttpConnection
from clarivum.api.http.limits import Limits, Unfinished
from clarivum.api.http.timekeeper import Timekeeper
from clarivum.api.response import Receive, Response, Scope, Send, write

REQUESTS = 100


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await write(scope, send, Response(200, b"", b"{}"))


async def serve_and_count() -> int:
    loop = asyncio.get_running_loop()
    config: Any = SimpleNamespace(loaded_app=application)
    state: Any = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)
    limits = Limits(max_body_bytes=1_000, receive_timeout_s=8)
    timekeeper = Timekeeper(limits.tick_s)
    server = await loop.create_server(
        lambda: HttpConnection(config, state, {}, limits=limits, timekeeper=timekeeper, unfinished=Unfinished()),
        "127.0.0.1",
        0,
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])

    async def ask() -> None:
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        await reader.readuntil(b"\r\n\r\n{}")

    await ask()
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            await ask()
        unreachable = gc.collect()
    finally:
        gc.enable()
    writer.close()
    server.close()
    return unreachable


def test_requests_leave_no_cycles() -> None:
    assert uvloop.run(serve_and_count()) < REQUESTS
