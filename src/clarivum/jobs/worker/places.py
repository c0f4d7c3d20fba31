"""One job's share of the places, and the work that waits for one.

While runs are short, work is fetched ahead, so that a place never waits for a round trip to the queue. What waits here
is leased like what runs; it is handed back when the worker stops, or when it has waited too long.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, NamedTuple

from clarivum import telemetry
from clarivum.jobs.priority import Priority
from clarivum.jobs.worker.slots import Slots

log = telemetry.get_logger("clarivum.jobs")

SHORT_S = 0.05
"""Work is fetched ahead while a typical piece of it takes less than this: as much as the places do in this time."""
MOST_AHEAD = 4
"""For each place, at most so much: what a look and a claim cost is shared by so many. A process that disappears had
begun an attempt at each of them."""
SMOOTHING = 0.1
GATHER_S = 0.003
"""Where it takes longer, a free place waits this long for others, so that one look serves several."""
LOOK_UP_S = 1.0

Body = Coroutine[Any, Any, None]


class Work(NamedTuple):
    """What a place is given: the body of a task, and how to hand it back unbegun."""

    begin: Callable[[], Body]
    hand_back: Callable[[], Body]
    fetched_at: float
    """On time.monotonic()."""


class Places:
    """At most `share` at once, of the process's slots; `stale_s`: how long fetched work may wait for one.

    `ahead`: while work is short, fetch more than there are places. `on_ended` is called when a task has ended.
    """

    def __init__(
        self,
        job_name: str,
        slots: Slots,
        *,
        share: int,
        stale_s: float,
        priority: Priority = Priority.NORMAL,
        ahead: bool = True,
        on_ended: Callable[[], None] | None = None,
    ) -> None:
        self.running: set[asyncio.Task[None]] = set()
        self._job_name = job_name
        self._slots = slots
        self._share = share
        self._stale_s = stale_s
        self._priority = priority
        self._short_s = SHORT_S if ahead else 0.0
        self._on_ended = on_ended
        self._backlog: deque[Work] = deque()
        self._typical_s = float("inf")
        self._changed = asyncio.Event()
        self._stopping = False

    # -- room --------------------------------------------------------------------------------------------------------
    async def room(self) -> int:
        """Wait until enough work can be used to be worth a look; how much. 0 once stopped."""
        gathered = False
        while not self._stopping:
            self._fill()
            room = self._free()
            wanted = room + self._ahead() - len(self._backlog)
            if wanted * 2 >= max(self._ahead(), self._share) or (wanted > 0 and (gathered or not self.running)):
                return wanted
            if room > 0:
                gathered = True
                await asyncio.sleep(GATHER_S)
                continue
            self._changed.clear()
            self._slots.tell(self._changed, self._priority)
            try:
                async with asyncio.timeout(LOOK_UP_S):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return 0

    def put(self, work: Work) -> None:
        """Begin it now, or when a place is free."""
        self._backlog.append(work)
        self._fill()

    def looked(self) -> None:
        """A look into the queue is over; what it found has been put here."""
        self._slots.looked(self._changed)

    async def stop(self) -> None:
        """Begin nothing more; hand back what has not begun."""
        self._stopping = True
        self._changed.set()
        await self.hand_back()

    async def hand_back(self) -> None:
        """Give up what was fetched and has not begun."""
        waiting, self._backlog = self._backlog, deque()
        for work in waiting:
            await work.hand_back()

    @property
    def occupied(self) -> int:
        """Work that runs or waits for a place."""
        return len(self.running) + len(self._backlog)

    # -- tasks -------------------------------------------------------------------------------------------------------
    def _free(self) -> int:
        return min(self._slots.free_for(self._priority), self._share - len(self.running))

    def _ahead(self) -> int:
        """How much more than there are places is fetched."""
        if self._typical_s >= self._short_s:
            return 0
        if self._typical_s * MOST_AHEAD <= self._short_s:
            return self._share * MOST_AHEAD
        return self._share * int(self._short_s / self._typical_s)

    def _fill(self) -> None:
        for _ in range(min(self._free(), len(self._backlog))):
            self._slots.take(1)
            self._begin()

    def _begin(self) -> None:
        """The next piece of work, in a place that is already taken."""
        work, now = self._backlog.popleft(), monotonic()
        stale = now - work.fetched_at > self._stale_s
        task = asyncio.get_running_loop().create_task(work.hand_back() if stale else work.begin())
        self.running.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, now))

    def _ended(self, task: "asyncio.Task[None]", began: float) -> None:
        self.running.discard(task)
        took_s = monotonic() - began
        known = self._typical_s < float("inf")
        self._typical_s = self._typical_s + SMOOTHING * (took_s - self._typical_s) if known else took_s
        if self._backlog and not self._slots.wanted_besides(self._changed, self._priority):
            self._begin()
        else:
            self._slots.give_back()
        if 2 * len(self._backlog) <= max(self._ahead(), self._share):
            self._changed.set()
        if self._on_ended is not None:
            self._on_ended()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job task failed", job=self._job_name, exc_info=error)
