"""How many runs may be in progress at once in one process, all jobs together, and whose turn it is for the next place.

While jobs of one priority wait, all are told of a free place, and the first that has work takes it. While jobs of
several wait, one priority has a head start: its jobs look into their queues, and what they leave is for the others.
"""

import asyncio

from clarivum.jobs.priority import Priority, Turns

HEAD_START_S = 0.05
"""At most; it ends as soon as those who have it took every place, or found nothing."""


class Slots:
    """The free places of one process. Belongs to one event loop."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._waiting: dict[asyncio.Event, Priority] = {}
        self._turns = Turns()
        self._first: Priority | None = None
        """Who has a head start."""
        self._looking: set[asyncio.Event] = set()
        """Who was told of it and did not answer yet."""
        self._end: asyncio.TimerHandle | None = None

    def free_for(self, priority: Priority) -> int:
        """The free places that a job of this priority may take now."""
        return self.free if self._first is None or self._first is priority else 0

    def take(self, count: int) -> None:
        assert 0 <= count <= self.free
        self.free -= count
        if self.free == 0 and self._first is not None:
            self._end_head_start()

    def give_back(self, count: int = 1) -> None:
        """Free places, and tell who waits for one."""
        self.free += count
        assert self.free <= self.total
        if not self._waiting:
            return
        waiting = set(self._waiting.values())
        if self._first is None and len(waiting) > 1:
            self._begin_head_start(self._turns.next(waiting))
        self._tell(self._first)

    def tell(self, event: asyncio.Event, priority: Priority = Priority.NORMAL) -> None:
        """Set the event when a place is given back that a job of this priority may have."""
        self._waiting[event] = priority

    def looked(self, event: asyncio.Event) -> None:
        """Who was told of a place has taken what it can use."""
        if self._first is not None:
            self._looking.discard(event)
            if not self._looking:
                self._open()

    def wanted_besides(self, event: asyncio.Event, priority: Priority = Priority.NORMAL) -> bool:
        """Whether a place that a job gets back goes to somebody else who waits: always to one of its own or a higher
        priority, to a lower one when it is its turn."""
        if not self._waiting or (len(self._waiting) == 1 and event in self._waiting):
            return False
        others = {wanted for waiter, wanted in self._waiting.items() if waiter is not event}
        if any(other.weight >= priority.weight for other in others):
            return True
        if self._first is not None:
            return self._first is not priority
        turn = self._turns.next({priority, *others})
        if turn is not priority:
            self._begin_head_start(turn)
        return turn is not priority

    # -- head starts -------------------------------------------------------------------------------------------------
    def _begin_head_start(self, priority: Priority) -> None:
        self._first = priority
        self._looking = set()
        self._end = asyncio.get_running_loop().call_later(HEAD_START_S, self._open)

    def _end_head_start(self) -> None:
        self._first = None
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _open(self) -> None:
        """What is left is everybody's."""
        self._end_head_start()
        if self.free:
            self._tell(None)

    def _tell(self, priority: Priority | None) -> None:
        """Tell all who wait, or those of one priority."""
        if priority is None:
            told, self._waiting = self._waiting, {}
        else:
            told = {event: wanted for event, wanted in self._waiting.items() if wanted is priority}
            for event in told:
                del self._waiting[event]
            self._looking.update(told)
        for event in told:
            event.set()
