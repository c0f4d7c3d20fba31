"""libpq's state machine of a connection that opens, or that carries a cancellation, driven by the event loop."""

import asyncio
from collections.abc import Callable

import psycopg
from psycopg.pq import PollingStatus
from psycopg.pq.abc import PGcancelConn, PGconn


async def poll(connection: PGconn | PGcancelConn, step: Callable[[], int], loop: asyncio.AbstractEventLoop) -> None:
    """Step until it stands. Its socket may change between steps. Raises psycopg.OperationalError when it failed."""
    while True:
        status = step()
        if status == PollingStatus.OK:
            return
        if status == PollingStatus.FAILED:
            raise psycopg.OperationalError(connection.get_error_message())
        descriptor = connection.socket
        ready: asyncio.Future[None] = loop.create_future()
        if status == PollingStatus.READING:
            loop.add_reader(descriptor, _wake, ready)
        else:
            loop.add_writer(descriptor, _wake, ready)
        try:
            await ready
        finally:
            if status == PollingStatus.READING:
                loop.remove_reader(descriptor)
            else:
                loop.remove_writer(descriptor)


def _wake(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
