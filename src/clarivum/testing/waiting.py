"""Waiting for something real to become so, without guessing how long it takes."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 20.0


def until(condition: Callable[[], T], what: str = "the condition holds", within_s: float = PATIENCE_S) -> T:
    """What `condition` comes to, as soon as that is true. Raises AssertionError, which says `what` did not happen."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.01)
    return found


async def eventually(condition: Callable[[], T], what: str = "the condition holds", within_s: float = PATIENCE_S) -> T:
    """As until, while the event loop goes on."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.005)
    return found
