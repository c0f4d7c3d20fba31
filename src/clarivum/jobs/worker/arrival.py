"""Waiting for a database that is away when a worker starts; a login that it refuses is no reason to wait."""

import asyncio
import random as randomness
import re
from collections.abc import Callable

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


async def open_when_there(
    database: Database, stop: asyncio.Event, *, random: Callable[[], float] = randomness.random
) -> bool:
    """Open the database, as soon as it answers. False: `stop` was set before.

    Raises ConfigurationError when the server refuses the login or knows no such database, and what `Database.open`
    raises for a login that evades row-level security.
    """
    stopping = asyncio.create_task(stop.wait())
    pause_s, told = PAUSE_FIRST_S, False
    try:
        while True:
            opening = asyncio.create_task(database.open())
            try:
                await asyncio.wait([opening, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not opening.done():
                    return False
                opening.result()
                return True
            except DependencyDownError as error:
                reason = error.log or error.detail
            finally:
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
            if (refusal := lasting_refusal(reason)) is not None:
                raise ConfigurationError(f"DATABASE_URL: the database refuses the connection: {refusal}")
            if not told:
                log.warning("worker waits for the database", reason=reason)
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
