"""Which job gets a place of a worker first when there are too few. Pure: who waits goes in, an order comes out."""

from collections.abc import Iterable
from enum import StrEnum


class Priority(StrEnum):
    """Of a job. `weight`: of the places for which all three wait, high gets 16 of 21, normal 4, low 1."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def weight(self) -> int:
        return WEIGHTS[self]


WEIGHTS = {Priority.HIGH: 16, Priority.NORMAL: 4, Priority.LOW: 1}


class Turns:
    """Whose turn it is, place by place: smooth weighted round robin, so that a low priority's turns come evenly."""

    def __init__(self) -> None:
        self._credit = dict.fromkeys(Priority, 0)

    def next(self, waiting: Iterable[Priority]) -> Priority:
        """One of those that wait. Each time it is asked, each of them gains its weight and the chosen one pays all."""
        among = [priority for priority in Priority if priority in set(waiting)]
        for priority in Priority:
            # who does not wait saves nothing up for later
            self._credit[priority] = self._credit[priority] + priority.weight if priority in among else 0
        chosen = max(among, key=lambda priority: self._credit[priority])
        self._credit[chosen] -= sum(priority.weight for priority in among)
        return chosen
