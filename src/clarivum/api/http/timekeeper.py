"""The one timer of a serving process: deadlines of all connections, and the Date header."""

import asyncio
from collections.abc import Iterable
from email.utils import formatdate
from typing import Protocol


class Timed(Protocol):
    """Something with a deadline; `check` gets the loop's time and acts when it has passed."""

    def check(self, now: float) -> None: ...


class Timekeeper:
    """Looks at every connection each `tick_s` seconds while there are any; costs a request nothing.

    `standing_lines` are header lines that every answer of the process carries beside its Date.
    """

    def __init__(self, tick_s: float, standing_lines: bytes = b"") -> None:
        self._tick_s = tick_s
        self._standing_lines = standing_lines
        self._timer: asyncio.TimerHandle | None = None
        self.date_line = b""

    def watch(self, loop: asyncio.AbstractEventLoop, connections: Iterable[Timed]) -> None:
        """Begin, unless the timer runs already."""
        if self._timer is None:
            self._tick(loop, connections)

    def _tick(self, loop: asyncio.AbstractEventLoop, connections: Iterable[Timed]) -> None:
        self.date_line = f"date: {formatdate(usegmt=True)}\r\n".encode("ascii") + self._standing_lines
        now = loop.time()
        watched = list(connections)
        for connection in watched:
            connection.check(now)
        self._timer = loop.call_later(self._tick_s, self._tick, loop, connections) if watched else None
