"""Opening a connection without blocking the event loop."""

import asyncio
import ipaddress
import socket

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq.abc import PGconn

from clarivum.database.sqlstate import connection_lost
from clarivum.database.wire.connection import Wire
from clarivum.database.wire.polling import poll

CONNECT_TIMEOUT_S = 5.0
# What decoding relies on, and a bound on a transaction that its client forgot.
SESSION_OPTIONS = (
    "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
    " -c client_min_messages=warning -c idle_in_transaction_session_timeout=5min"
)
# A peer that vanished without a FIN is noticed within 15 s; libpq's own default is the kernel's two hours.
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}


async def connect(url: str, *, application_name: str, timeout_s: float = CONNECT_TIMEOUT_S) -> Wire:
    """A connection in pipeline mode. Raises DatabaseError (unavailable); its log never holds the password."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            conninfo = await _conninfo(url, application_name)
            pgconn = await _connect(conninfo, loop)
    except TimeoutError:
        raise connection_lost(f"no connection within {timeout_s:g} s") from None
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise connection_lost(f"cannot connect: {error}") from None
    pgconn.nonblocking = 1
    pgconn.enter_pipeline_mode()
    return Wire(pgconn, loop)


async def _connect(conninfo: str, loop: asyncio.AbstractEventLoop) -> PGconn:
    pgconn = pq.PGconn.connect_start(conninfo.encode())
    try:
        await poll(pgconn, pgconn.connect_poll, loop)
    except BaseException:
        pgconn.finish()
        raise
    return pgconn


async def _conninfo(url: str, application_name: str) -> str:
    """libpq's connection string. The host is resolved here, because libpq would block the loop while it does."""
    given = conninfo_to_dict(url)
    options = f"{SESSION_OPTIONS} {given.get('options') or ''}".strip()
    settings: dict[str, str | int] = {
        **{name: value for name, value in KEEPALIVE.items() if name not in given},
        "application_name": application_name,
        "client_encoding": "UTF8",
        "options": options,
    }
    host = str(given.get("host") or "")
    if (
        host
        and not given.get("hostaddr")
        and not host.startswith(("/", "@"))
        and "," not in host
        and not _is_address(host)
    ):
        loop = asyncio.get_running_loop()
        port = int(str(given.get("port") or 5432))
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
        settings["host"] = ",".join([host] * len(addresses))
        settings["hostaddr"] = ",".join(addresses)
    return make_conninfo(url, **settings)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
