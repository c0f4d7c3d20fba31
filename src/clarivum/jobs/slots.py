"""How many runs may be in progress at once: a total for the process, and a share for each job."""

import asyncio


class Slots:
    """The free places of one process. Belongs to one event loop."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._waiting: list[asyncio.Future[None]] = []

    def take(self, count: int) -> None:
        assert 0 <= count <= self.free
        self.free -= count

    def give_back(self, count: int = 1) -> None:
        self.free += count
        assert self.free <= self.total
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def changed(self) -> None:
        """Wait until a place was given back."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
