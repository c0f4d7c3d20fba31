"""The cells that measurements add up in: one per metric and attribute set, bound once and then only incremented.

The OpenTelemetry SDK finds its aggregation anew for each measurement (5.9 µs for a histogram with four attributes); a
bound cell costs 0.3 µs. The SDK's readers get the sums through `readers.py`.
"""

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

AttributeValue = str | int | float | bool
Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class HistogramPoint:
    """The state of a histogram cell. `counts` has one entry more than `boundaries`: what lies above the last."""

    counts: tuple[int, ...]
    sum: float
    min: float
    max: float

    @property
    def count(self) -> int:
        return sum(self.counts)


class HistogramCell:
    """Counts per bucket; a value on a boundary belongs to the bucket below it (`le`)."""

    __slots__ = ("_boundaries", "_counts", "_lock", "_max", "_min", "_sum", "attributes", "start_ns")

    def __init__(self, attributes: Attributes, boundaries: tuple[float, ...]) -> None:
        self.attributes = attributes
        self._boundaries = boundaries
        self._lock = threading.Lock()
        self._counts: list[int] = []
        self._sum, self._min, self._max = 0.0, math.inf, -math.inf
        self.start_ns = 0
        self.reset()

    def record(self, value: float) -> None:
        bucket = bisect_left(self._boundaries, value)
        with self._lock:
            self._counts[bucket] += 1
            self._sum += value
            self._min = min(self._min, value)
            self._max = max(self._max, value)

    def point(self) -> HistogramPoint:
        with self._lock:
            return HistogramPoint(tuple(self._counts), self._sum, self._min, self._max)

    def reset(self) -> None:
        """Start anew from now, as a restarted process would. Takes a new lock: after fork the old one may be held."""
        self._lock = threading.Lock()
        with self._lock:
            self._counts = [0] * (len(self._boundaries) + 1)
            self._sum, self._min, self._max = 0.0, math.inf, -math.inf
            self.start_ns = time.time_ns()


class NumberCell:
    """A number that is added to (counter) or replaced (gauge)."""

    __slots__ = ("_lock", "_touched", "_value", "attributes", "start_ns")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self._lock = threading.Lock()
        self._value: float = 0
        self._touched = False
        self.start_ns = time.time_ns()

    def add(self, amount: float = 1) -> None:
        with self._lock:
            self._value += amount
            self._touched = True

    def set(self, value: float) -> None:
        with self._lock:
            self._value = value
            self._touched = True

    def value(self) -> float | None:
        """The number, or None when nothing was ever recorded."""
        with self._lock:
            return self._value if self._touched else None

    def reset(self) -> None:
        """Start anew from now, as a restarted process would."""
        self._lock = threading.Lock()
        with self._lock:
            self._value = 0
            self._touched = False
            self.start_ns = time.time_ns()
