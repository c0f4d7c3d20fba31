"""Time for an answer: requests under way, and the one timer that looks for those that are late."""

import asyncio
from time import monotonic

TICK_S = 0.1


class Deadlines:
    """Cancels the tasks of requests that take too long. One timer for all of them: entering costs a dict entry."""

    def __init__(self, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self._running: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._watch: asyncio.Task[None] | None = None

    def enter(self, task: asyncio.Task[object], at: float) -> None:
        """Cancel `task` at `at` (monotonic seconds), unless it leaves before."""
        self._running[task] = at

    def leave(self, task: asyncio.Task[object]) -> None:
        self._running.pop(task, None)
        self._late.discard(task)

    def is_late(self, task: asyncio.Task[object]) -> bool:
        """Whether it was the deadline that cancelled the task."""
        return task in self._late

    def start(self) -> None:
        if self._watch is None:
            self._watch = asyncio.create_task(self._watching(), name="deadlines")

    async def stop(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watching(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            self.cancel_late(monotonic())

    def cancel_late(self, now: float) -> None:
        for task in [task for task, at in self._running.items() if now >= at]:
            del self._running[task]
            self._late.add(task)
            task.cancel()
