"""Acknowledging what is finished, many messages at a time and after the fact.

The ledger already holds the answer when a message is acknowledged: a crash in between brings it back, as a replay.
"""

import asyncio
from collections import defaultdict
from typing import Any

from clarivum import telemetry
from clarivum.database import DatabaseError
from clarivum.jobs.declaration import Job
from clarivum.jobs.transport import Transport

log = telemetry.get_logger("clarivum.jobs")

GATHER_S = 0.005
AGAIN_S = 1.0
AT_ONCE = 1_000


class Receipts:
    """Of one worker. `add` never waits; `flush` empties the list before the process ends."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiting: dict[Job[Any], list[str]] = defaultdict(list)
        self._flushing: asyncio.Task[None] | None = None

    def add(self, job: Job[Any], message_id: str) -> None:
        """The run of this message is finished."""
        self._waiting[job].append(message_id)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_soon())

    async def flush(self) -> None:
        """Acknowledge all that waits. Raises DatabaseError; what was not acknowledged waits on."""
        while self._waiting:
            job, message_ids = self._waiting.popitem()
            now, later = message_ids[:AT_ONCE], message_ids[AT_ONCE:]
            try:
                await self._transport.acknowledge(job, now)
            except DatabaseError:
                later = message_ids
                raise
            finally:
                if later:
                    self._waiting[job].extend(later)

    async def _flush_soon(self) -> None:
        pause_s = GATHER_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self.flush()
            except DatabaseError as error:
                log.warning("finished messages wait to be acknowledged", reason=error.log or error.detail)
                pause_s = AGAIN_S
            else:
                self._flushing = None
                return
