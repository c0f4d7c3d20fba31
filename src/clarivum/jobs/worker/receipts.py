"""Acknowledging what is finished, many messages at a time and after the fact.

The ledger already holds the answer when a message is acknowledged: a crash in between brings it back, as a replay.
"""

import asyncio
from collections import defaultdict
from typing import Any

from clarivum import telemetry
from clarivum.jobs.declaration import Job
from clarivum.jobs.transports.interface import FAILURES, Transport

log = telemetry.get_logger("clarivum.jobs")

GATHER_S = 0.02
"""How long receipts wait for others: a statement of the queue costs as much for one message as for fifty."""
AGAIN_S = 1.0
AT_ONCE = 1_000


class Receipts:
    """Of one worker. `add` never waits; `close` empties the list before the process ends."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiting: dict[Job[Any], list[str]] = defaultdict(list)
        self._sending = asyncio.Lock()
        self._soon: asyncio.Task[None] | None = None

    def add(self, job: Job[Any], message_id: str) -> None:
        """The run of this message is finished."""
        self._waiting[job].append(message_id)
        if self._soon is None:
            self._soon = asyncio.get_running_loop().create_task(self._send_soon())

    async def close(self) -> None:
        """Acknowledge all that waits; what cannot be acknowledged now comes back as a replay."""
        try:
            await self._send()
        except FAILURES as error:
            log.warning("finished messages were not acknowledged", reason=error.log or error.detail)
        if self._soon is not None:
            self._soon.cancel()

    async def _send(self) -> None:
        async with self._sending:
            while self._waiting:
                job, message_ids = self._waiting.popitem()
                left = message_ids
                try:
                    await self._transport.acknowledge(job, message_ids[:AT_ONCE])
                    left = message_ids[AT_ONCE:]
                finally:
                    if left:
                        self._waiting[job].extend(left)

    async def _send_soon(self) -> None:
        pause_s = GATHER_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self._send()
            except FAILURES as error:
                log.warning("finished messages wait to be acknowledged", reason=error.log or error.detail)
                pause_s = AGAIN_S
            else:
                self._soon = None
                return
