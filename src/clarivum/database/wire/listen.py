"""Notifications on a connection of their own, across reconnections."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from clarivum.database.sqlstate import DatabaseError
from clarivum.database.wire.batch import Batch
from clarivum.database.wire.prepared import Control

if TYPE_CHECKING:
    from clarivum.database.wire.connection import Wire

BACKOFF_FIRST_S = 0.05
BACKOFF_LAST_S = 2.0
LISTEN_BUDGET_S = 5.0
QUEUE_LIMIT = 10_000

Connect = Callable[[], Awaitable["Wire"]]


async def listen(connect: Connect, channel: str) -> AsyncIterator[str | None]:
    """Payloads of `channel`, and None each time listening has begun: then the consumer polls once, for what it missed.

    The first item is None. A lost connection is replaced with backoff, without end; close the iterator to stop. When
    the consumer falls `QUEUE_LIMIT` payloads behind they are dropped and it is told to poll by another None.
    """
    backoff_s = BACKOFF_FIRST_S
    while True:
        arrived: asyncio.Queue[str | None] = asyncio.Queue()
        try:
            wire = await _begin(connect, channel, arrived)
        except DatabaseError:
            await asyncio.sleep(random.uniform(backoff_s / 2, backoff_s))  # noqa: S311 (jitter)
            backoff_s = min(backoff_s * 2, BACKOFF_LAST_S)
            continue
        backoff_s = BACKOFF_FIRST_S
        try:
            yield None
            while not wire.closed or not arrived.empty():
                payload = await arrived.get()
                if payload is not None:
                    yield payload
                elif not wire.closed:
                    yield None
        finally:
            wire.close()


async def _begin(connect: Connect, channel: str, arrived: "asyncio.Queue[str | None]") -> "Wire":
    wire = await connect()
    wire.on_notification = lambda payload: _take(payload, arrived)
    wire.add_lost_callback(lambda _: arrived.put_nowait(None))
    try:
        batch = Batch(wire, LISTEN_BUDGET_S)
        batch.add(Control(f'listen "{channel.replace(chr(34), chr(34) * 2)}"'))
        await batch.send()
    except BaseException:
        wire.close()
        raise
    return wire


def _take(payload: str, arrived: "asyncio.Queue[str | None]") -> None:
    if arrived.qsize() < QUEUE_LIMIT:
        arrived.put_nowait(payload)
    elif arrived.qsize() == QUEUE_LIMIT:
        arrived.put_nowait(None)
