"""How long to wait after a failed attempt, or for a message whose time has not come. Pure: the random source is an
argument."""

from collections.abc import Callable
from dataclasses import dataclass

LAST_LOOK_S = 900


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with full jitter: uniform between 0 and min(cap_s, base_s · 2^(attempt-1)).

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    base_s: float = 2.0
    cap_s: float = 900.0

    def ceiling_s(self, attempt: int) -> float:
        """The longest wait after failed attempt `attempt` (from 1)."""
        # 2^63 is beyond any cap; more would overflow a float
        return min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 63))

    def delay_s(self, attempt: int, random: Callable[[], float]) -> int:
        """Whole seconds, rounded up: what a queue's visibility takes. `random` returns 0 ≤ x < 1."""
        drawn = random() * self.ceiling_s(attempt)
        return int(drawn) + (drawn > int(drawn))


def look_again_s(first_s: int, receives: int) -> int:
    """How long a message is hidden that may not begin yet, after so many deliveries: `first_s` longer each time, at
    most LAST_LOOK_S. With it the thousand deliveries after which SQS gives a message up last for more than a week.
    """
    return min(LAST_LOOK_S, first_s * max(receives, 1))
