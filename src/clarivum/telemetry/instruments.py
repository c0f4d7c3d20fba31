"""Counters, histograms and gauges with declared attribute names and a bounded number of attribute sets.

Declared at import, once per name; the values of the attributes are given in the order of their declaration, so no other
label can slip in. Values are scrubbed. Beyond `MAX_CELLS` sets a metric counts on in one overflow cell, as in the SDK.
"""

import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from clarivum.errors import DeclarationError
from clarivum.telemetry.aggregation import Attributes, AttributeValue, HistogramCell, NumberCell
from clarivum.telemetry.scrubbing import scrub_attribute

MAX_CELLS = 2_000
MAX_VALUE_CHARACTERS = 200
UNITS = re.compile(r"s|By|1|%|\{[a-z_]+\}")
OVERFLOW = {"otel.metric.overflow": True}

# Seconds. The semantic conventions' advice for HTTP with the guide's targets added, so that p95 300 ms and p99 800 ms
# can be read exactly.
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.3, 0.5, 0.75, 0.8, 1.0, 2.5, 5.0, 7.5, 10.0)
# Seconds. The conventions' advice for databases, finer below a millisecond, where an indexed read lies.
DATABASE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 1.0, 5.0, 10.0)

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_log = logging.getLogger("clarivum.telemetry")

Cell = TypeVar("Cell", HistogramCell, NumberCell)
Reading = tuple[float, tuple[AttributeValue, ...]]


class Instrument(Generic[Cell]):
    """A metric: its name, unit (UCUM), the attribute names it may carry, and its cells."""

    kind = ""

    def __init__(self, name: str, description: str, unit: str, attributes: Sequence[str]) -> None:
        if not _NAME.fullmatch(name) or not UNITS.fullmatch(unit):
            raise DeclarationError(
                f"metric {name!r} in {unit!r}: names are dotted words in lower case, units s, By, 1, % or {{things}}"
            )
        self.name = name
        self.description = description
        self.unit = unit
        self.attribute_names = tuple(attributes)
        self._cells: dict[tuple[AttributeValue | None, ...], Cell] = {}
        self._overflow: Cell | None = None
        self._lock = threading.Lock()

    def at(self, *values: AttributeValue | None) -> Cell:
        """The cell of these attribute values, in declared order; None leaves an attribute out.

        Keep the result where the values are fixed: incrementing a bound cell skips the look-up.
        """
        cell = self._cells.get(values)
        return cell if cell is not None else self._bind(values)

    def cells(self) -> list[Cell]:
        with self._lock:
            cells = list(self._cells.values())
            if self._overflow is not None:
                cells.append(self._overflow)
            return cells

    def start_anew(self) -> None:
        """Set every cell back to nothing measured, as in a process just started."""
        self._lock = threading.Lock()
        for cell in self.cells():
            cell.reset()

    def signature(self) -> tuple[object, ...]:
        """What must agree when two places declare the same name."""
        return (self.kind, self.unit, self.attribute_names)

    def _new_cell(self, attributes: Attributes) -> Cell:
        raise NotImplementedError

    def _bind(self, values: tuple[AttributeValue | None, ...]) -> Cell:
        if len(values) != len(self.attribute_names):
            raise DeclarationError(
                f"metric {self.name} is declared with the attributes {', '.join(self.attribute_names) or '(none)'}, "
                f"and was given {len(values)} values"
            )
        key = tuple(_bounded(name, value) for name, value in zip(self.attribute_names, values, strict=True))
        with self._lock:
            cell = self._cells.get(key)
            if cell is not None:
                return cell
            if len(self._cells) >= MAX_CELLS:
                self._overflow = self._overflow or self._new_cell(OVERFLOW)
                return self._overflow
            attributes = {n: v for n, v in zip(self.attribute_names, key, strict=True) if v is not None}
            self._cells[key] = cell = self._new_cell(attributes)
            return cell


class Histogram(Instrument[HistogramCell]):
    """A distribution over fixed bucket boundaries."""

    kind = "histogram"

    def __init__(
        self, name: str, description: str, unit: str, boundaries: Sequence[float], attributes: Sequence[str]
    ) -> None:
        super().__init__(name, description, unit, attributes)
        if list(boundaries) != sorted(set(boundaries)):
            raise DeclarationError(f"the boundaries of metric {name} must rise strictly")
        self.boundaries = tuple(float(boundary) for boundary in boundaries)

    def record(self, value: float, *values: AttributeValue | None) -> None:
        self.at(*values).record(value)

    def signature(self) -> tuple[object, ...]:
        return (*super().signature(), self.boundaries)

    def _new_cell(self, attributes: Attributes) -> HistogramCell:
        return HistogramCell(attributes, self.boundaries)


class Counter(Instrument[NumberCell]):
    """A sum that only grows."""

    kind = "counter"

    def add(self, amount: float, *values: AttributeValue | None) -> None:
        if amount < 0:
            raise DeclarationError(f"metric {self.name} is a counter and cannot go down")
        self.at(*values).add(amount)

    def _new_cell(self, attributes: Attributes) -> NumberCell:
        return NumberCell(attributes)


class Gauge(Instrument[NumberCell]):
    """A level: set when it changes, or read by a callback when somebody looks."""

    kind = "gauge"

    def __init__(self, name: str, description: str, unit: str, attributes: Sequence[str]) -> None:
        super().__init__(name, description, unit, attributes)
        self._callbacks: list[Callable[[], Iterable[Reading]]] = []

    def set(self, value: float, *values: AttributeValue | None) -> None:
        self.at(*values).set(value)

    def observe(self, callback: Callable[[], Iterable[Reading]]) -> Callable[[], None]:
        """Call `callback` at each collection; it yields (value, attribute values). Returns what ends the observation.

        It runs in the collector's thread and must not block.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def refresh(self) -> None:
        """Take the callbacks' readings into the cells."""
        for callback in tuple(self._callbacks):
            try:
                for value, values in callback():
                    self.at(*values).set(value)
            except Exception:  # one broken reading must not hide all the others
                _log.warning("reading of %s failed", self.name, exc_info=True)

    def _new_cell(self, attributes: Attributes) -> NumberCell:
        return NumberCell(attributes)


REGISTRY: dict[str, Histogram | Counter | Gauge] = {}
Declared = TypeVar("Declared", Histogram, Counter, Gauge)


def counter(name: str, description: str, unit: str = "1", attributes: Sequence[str] = ()) -> Counter:
    """Declare a counter, or find it when it is declared already. Raises DeclarationError when the two disagree."""
    return _declare(Counter(name, description, unit, attributes))


def histogram(
    name: str,
    description: str,
    unit: str = "s",
    boundaries: Sequence[float] = REQUEST_SECONDS,
    attributes: Sequence[str] = (),
) -> Histogram:
    """Declare a histogram, or find it when it is declared already. Raises DeclarationError when the two disagree."""
    return _declare(Histogram(name, description, unit, boundaries, attributes))


def gauge(name: str, description: str, unit: str = "1", attributes: Sequence[str] = ()) -> Gauge:
    """Declare a gauge, or find it when it is declared already. Raises DeclarationError when the two disagree."""
    return _declare(Gauge(name, description, unit, attributes))


def _declare(instrument: Declared) -> Declared:
    existing = REGISTRY.setdefault(instrument.name, instrument)
    if existing is instrument:
        return instrument
    if not isinstance(existing, type(instrument)) or existing.signature() != instrument.signature():
        raise DeclarationError(
            f"metric {instrument.name} is declared twice, with different units, attributes or buckets"
        )
    return existing


def _bounded(name: str, value: AttributeValue | None) -> AttributeValue | None:
    if value is None:
        return None
    scrubbed = scrub_attribute(name, value)
    return scrubbed[:MAX_VALUE_CHARACTERS] if isinstance(scrubbed, str) else scrubbed


def _start_anew() -> None:
    """In a child made by fork: count from nothing, with locks that no lost thread holds."""
    for instrument in REGISTRY.values():
        instrument.start_anew()


os.register_at_fork(after_in_child=_start_anew)
