"""How often runs of a job may begin, over all workers: `100/minute`."""

import re
from dataclasses import dataclass

WRITTEN = re.compile(r"([1-9][0-9]{0,5})/(second|minute|hour|day)")
INTERVALS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
BURST_PART = 10


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` begun runs in `interval_s`, spread evenly: one every `spacing_s`, and a tenth at once.

    So the bound in any stretch of `interval_s` is `most`: count and burst, less one. Below twenty that is the count.
    """

    count: int
    interval_s: int

    @property
    def spacing_s(self) -> float:
        """Between two runs when they come without end."""
        return self.interval_s / self.count

    @property
    def burst(self) -> int:
        """How many may begin at once after a rest."""
        return max(1, self.count // BURST_PART)

    @property
    def most(self) -> int:
        """The bound in any stretch of `interval_s`."""
        return self.count + self.burst - 1

    def __str__(self) -> str:
        unit = next(name for name, seconds in INTERVALS_S.items() if seconds == self.interval_s)
        return f"{self.count}/{unit}"


def parse_rate(text: str) -> Rate:
    """`<1 to 999999>/<second|minute|hour|day>`. Raises ValueError."""
    found = WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"rate {text!r} must read like 100/minute: 1 to 999999 a {', '.join(INTERVALS_S)}")
    return Rate(int(found[1]), INTERVALS_S[found[2]])
