"""What repeated runs say together: middle, extremes, percentiles and ratios. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several runs, in the figure's own unit."""

    minimum: float
    median: float
    maximum: float
    runs: int

    @property
    def relative(self) -> float:
        """(maximum - minimum) / median: how far the runs lie apart; 0 when the median is 0."""
        return (self.maximum - self.minimum) / self.median if self.median else 0.0

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Raises ValueError without a run."""
        if not values:
            raise ValueError("no run to summarise")
        return cls(min(values), median(values), max(values), len(values))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of values in ascending order; `share` in (0, 1]. Raises ValueError when empty."""
    if not ordered:
        raise ValueError("no value to take a percentile of")
    if not 0 < share <= 1:
        raise ValueError(f"a percentile needs a share in (0, 1], not {share}")
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours divided by theirs, round by round, so that a slow minute of the machine weighs on both.

    Raises ValueError when the rounds differ in number or a divisor is 0.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds cannot be paired with {len(theirs)}")
    if not all(theirs):
        raise ValueError("a round measured nothing to divide by")
    return Spread.of([mine / other for mine, other in zip(ours, theirs, strict=True)])


def rotated(targets: Sequence[T], round_number: int) -> list[T]:
    """The targets in the order of one round: each round starts one further, so nobody always runs first or last."""
    start = round_number % len(targets) if targets else 0
    return [*targets[start:], *targets[:start]]
