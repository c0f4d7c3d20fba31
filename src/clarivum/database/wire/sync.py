"""Ending an exchange without a system call: libpq's PQsendPipelineSync, which psycopg does not export.

PQpipelineSync, which it does export, flushes each time: a `send` per request. PQsendPipelineSync (libpq 17) leaves the
message in libpq's buffer, so that everything queued in one turn of the event loop leaves in one `send`. It is taken
from the very library psycopg is linked with, found through psycopg's extension module; where that fails,
PQpipelineSync does.
"""

import ctypes
import sys
from collections.abc import Callable

from psycopg import pq
from psycopg.pq.abc import PGconn


def bind_sync(pgconn: PGconn) -> Callable[[], object]:
    """A function that queues a Sync on `pgconn` and raises OSError or psycopg.OperationalError when it cannot."""
    send = _SEND_SYNC
    pointer: int | None = getattr(pgconn, "pgconn_ptr", None)
    if send is None or pointer is None:
        return pgconn.pipeline_sync

    def send_sync() -> None:
        if not send(pointer):
            raise OSError("libpq could not queue a Sync")

    return send_sync


def _find_send_sync() -> Callable[[int], int] | None:
    extension = sys.modules.get(f"psycopg_{pq.__impl__}.pq")  # binary or c; psycopg's Python implementation has none
    if extension is None or extension.__file__ is None:
        return None
    try:
        # PyDLL keeps the GIL: the call only appends five bytes. dlsym also searches what the extension is linked with.
        function = ctypes.PyDLL(extension.__file__).PQsendPipelineSync
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_void_p]
    function.restype = ctypes.c_int
    return function


_SEND_SYNC = _find_send_sync()
