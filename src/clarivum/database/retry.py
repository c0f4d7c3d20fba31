"""Running a whole transaction again when it crossed another one."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from clarivum.database.sqlstate import DatabaseError

Result = TypeVar("Result")
ATTEMPTS = 3
PAUSE_S = 0.02
"""Upper bound of the first pause; it doubles each time, full jitter."""


async def retrying(
    work: Callable[[], Awaitable[Result]],
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> Result:
    """Await `work()`; after a serialization failure or a deadlock again, at most `attempts` times in all.

    `work` is the whole transaction, from `session.transaction()` on, and has no other effects. The last failure is
    raised (503 with Retry-After). A COMMIT whose answer was lost is never retried.
    """
    attempt = 1
    while True:
        try:
            return await work()
        except DatabaseError as error:
            if attempt >= attempts or not error.retryable:
                raise
        await sleep(jitter() * PAUSE_S * 2 ** (attempt - 1))
        attempt += 1
