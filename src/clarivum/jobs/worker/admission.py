"""How much of a limited job one process may take on: what Limits grants, against what its places hold already."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from clarivum import telemetry
from clarivum.database import DatabaseError
from clarivum.jobs.limits import Limits
from clarivum.jobs.message import Message
from clarivum.jobs.rate import Rate

log = telemetry.get_logger("clarivum.jobs")

BEATS_PER_LEASE = 3
STALE_S = 1.0
"""Work of a limited job that waited longer for a place is handed back: its token is for now."""


class Admission:
    """Of one lane. `occupied`: its tasks that run or wait for a place; `lose` is told how many may go on when permits
    were lost: after a freeze, or while the database could not be reached."""

    def __init__(
        self,
        limits: Limits,
        *,
        occupied: Callable[[], int],
        lose: Callable[[int], Awaitable[None]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._limits = limits
        self._occupied = occupied
        self._lose = lose
        self._clock = clock
        self._leased_at: dict[int, float] = {}
        self._not_before = 0.0
        self._used = False

    async def room(self, tasks: int) -> int:
        """How many messages may be fetched for up to `tasks` tasks; 0: look again after `wait_s` or when woken."""
        job = self._limits.job
        if self._clock() < self._not_before:
            return 0
        if job.limit is not None:
            wanted = tasks - (len(self._leased_at) - self._occupied())
            if wanted > 0:
                asked_at = self._clock()
                self._leased_at |= dict.fromkeys(await self._limits.take_permits(wanted), asked_at)
            tasks = min(tasks, len(self._leased_at) - self._occupied())
        messages = max(0, tasks) * job.batch
        return messages if job.rate is None else min(messages, self._expected(job.rate))

    def wait_s(self, poll_s: float) -> float:
        """How long nothing can be granted: until the next token, or until another look for a permit."""
        ahead_s = self._not_before - self._clock()
        return ahead_s if ahead_s > 0 else poll_s

    async def pass_on(self, messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message], float]:
        """Messages that may begin now, those that have to wait, and how long."""
        if self._limits.job.rate is None or not messages:
            return messages, (), 0.0
        tokens, wait_s = await self._limits.take_tokens(len(messages))
        self._not_before = self._clock() + wait_s
        return messages[:tokens], messages[tokens:], wait_s

    def _expected(self, rate: Rate) -> int:
        """Tokens that there are now if nobody else took one since; what is fetched beyond would be postponed."""
        return min(rate.burst, 1 + int((self._clock() - self._not_before) / rate.spacing_s))

    async def tidy(self) -> None:
        """Give back the permits that nothing needs; after a run rather than a look, others are told."""
        occupied = self._occupied()
        surplus = sorted(self._leased_at)[occupied:]
        if surplus:
            wake, self._used = self._used, False
            for place in surplus:
                del self._leased_at[place]
            await self._limits.give_back(surplus, wake=wake)

    def ended(self) -> None:
        """A task has ended: its permit is for another one, here or elsewhere."""
        self._used = True

    async def close(self) -> None:
        """Give back everything, at the end of the process."""
        try:
            await self.tidy()
        except DatabaseError as error:
            log.warning("permits run out by themselves", job=self._limits.job.name, reason=error.log or error.detail)

    async def run(self) -> None:
        """Keep the leases fresh, until cancelled."""
        while True:
            await asyncio.sleep(self._limits.lease_s / BEATS_PER_LEASE)
            await self.beat()

    async def beat(self) -> None:
        """Renew what is held. What is not ours any more, or may not be, must not be used."""
        if not self._leased_at:
            return
        asked, asked_at = set(self._leased_at), self._clock()
        try:
            held = await self._limits.renew(asked)
        except DatabaseError as error:
            log.warning("permits could not be renewed", job=self._limits.job.name, reason=error.log or error.detail)
            oldest = self._clock() - self._limits.lease_s
            held = {place for place in asked if self._leased_at.get(place, oldest) > oldest}
        else:
            self._leased_at |= dict.fromkeys(held & set(self._leased_at), asked_at)
        # one that was given back and taken again in the meantime is a new one
        lost = {place for place in asked - held if self._leased_at.get(place, asked_at) <= asked_at}
        for place in lost:
            self._leased_at.pop(place, None)
        if lost and self._occupied() > len(self._leased_at):
            log.warning("permits were lost", job=self._limits.job.name, lost=len(lost))
            await self._lose(len(self._leased_at))
