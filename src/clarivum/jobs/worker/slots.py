"""How many runs may be in progress at once in one process, all jobs together."""

import asyncio


class Slots:
    """The free places of one process. Belongs to one event loop."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._waiting: set[asyncio.Event] = set()

    def take(self, count: int) -> None:
        assert 0 <= count <= self.free
        self.free -= count

    def give_back(self, count: int = 1) -> None:
        """Free places, and tell everybody who waits for one."""
        self.free += count
        assert self.free <= self.total
        if self._waiting:
            waiting, self._waiting = self._waiting, set()
            for event in waiting:
                event.set()

    def tell(self, event: asyncio.Event) -> None:
        """Set the event when a place is given back."""
        self._waiting.add(event)

    def wanted_besides(self, event: asyncio.Event) -> bool:
        """Whether somebody else waits for a place."""
        return bool(self._waiting - {event}) if event in self._waiting else bool(self._waiting)
