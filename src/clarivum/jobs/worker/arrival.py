"""Waiting for a database or a queue that is away when a worker starts; a login that is refused is no reason to wait."""

import asyncio
import random as randomness
import re
from collections.abc import Callable, Coroutine
from typing import Any

from clarivum import telemetry
from clarivum.database import Database
from clarivum.errors import ConfigurationError, DependencyDownError

log = telemetry.get_logger("clarivum.jobs")

PAUSE_FIRST_S, PAUSE_LAST_S = 0.2, 5.0
REFUSED = re.compile(r"FATAL: +(.+)")
"""What the server itself says to who wants to connect."""
PASSING = re.compile(
    r"starting up|shutting down|recovery mode|not .*accepting|too many|connection slots|max clients", re.I
)
"""Refusals that another attempt may not meet."""


async def open_when_there(database: Database, stop: asyncio.Event) -> bool:
    """Open the database, as soon as it answers. False: `stop` was set before.

    Raises ConfigurationError when the server refuses the login or knows no such database, and what `Database.open`
    raises for a login that evades row-level security.
    """

    async def attempt() -> None:
        try:
            await database.open()
        except DependencyDownError as error:
            if (refusal := lasting_refusal(error.log or error.detail)) is not None:
                raise ConfigurationError(f"DATABASE_URL: the database refuses the connection: {refusal}") from None
            raise

    return await when_there(attempt, stop, "the database")


async def when_there(
    attempt: Callable[[], Coroutine[Any, Any, None]],
    stop: asyncio.Event,
    what: str,
    *,
    random: Callable[[], float] = randomness.random,
) -> bool:
    """Make the attempt until it does not raise DependencyDownError. False: `stop` was set before."""
    stopping = asyncio.create_task(stop.wait())
    pause_s, told = PAUSE_FIRST_S, False
    try:
        while True:
            attempting = asyncio.create_task(attempt())
            try:
                await asyncio.wait([attempting, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not attempting.done():
                    return False
                attempting.result()
                return True
            except DependencyDownError as error:
                reason = error.log or error.detail
            finally:
                attempting.cancel()
                await asyncio.gather(attempting, return_exceptions=True)
            if not told:
                log.warning(f"worker waits for {what}", reason=reason)
                told = True
            await asyncio.wait([stopping], timeout=pause_s * (0.5 + random() / 2))
            if stopping.done():
                return False
            pause_s = min(2 * pause_s, PAUSE_LAST_S)
    finally:
        stopping.cancel()


def lasting_refusal(reason: str) -> str | None:
    """What the server said, if waiting will not change it. Of several addresses each says its own."""
    said = [found[1] for line in reason.splitlines() if (found := REFUSED.search(line)) is not None]
    lasting = [each for each in said if PASSING.search(each) is None]
    return lasting[0] if lasting and len(lasting) == len(said) else None
