"""Metrics carry declared attributes only, in a bounded number, and count exactly."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.errors import DeclarationError
from clarivum.telemetry import DATABASE_SECONDS, REQUEST_SECONDS, counter, gauge, histogram, instruments
from clarivum.telemetry.aggregation import HistogramCell
from clarivum.testing.telemetry import metric_points


def test_the_targets_are_bucket_boundaries():
    assert {0.3, 0.8} <= set(REQUEST_SECONDS)
    assert {0.3, 0.8} <= set(DATABASE_SECONDS)


@given(st.lists(st.floats(0, 20, allow_nan=False) | st.sampled_from(REQUEST_SECONDS), min_size=1, max_size=50))
def test_a_value_on_a_boundary_belongs_below_it(values: list[float]):
    cell = HistogramCell({}, REQUEST_SECONDS)
    for value in values:
        cell.record(value)
    point = cell.point()
    for index, boundary in enumerate(REQUEST_SECONDS):
        assert sum(point.counts[: index + 1]) == sum(value <= boundary for value in values)
    assert (point.count, point.min, point.max) == (len(values), min(values), max(values))
    assert point.sum == pytest.approx(sum(values))


def test_attribute_values_are_given_in_declared_order():
    runs = counter("test.ordered.runs", "Runs.", "{run}", ("job", "outcome"))
    runs.add(2, "leads.enrich", "done")
    runs.add(1, "leads.enrich", None)
    assert metric_points("test.ordered.runs") == {
        frozenset({("job", "leads.enrich"), ("outcome", "done")}): 2,
        frozenset({("job", "leads.enrich")}): 1,
    }


@pytest.mark.parametrize("values", [(), ("a",), ("a", "b", "c")])
def test_an_undeclared_attribute_is_refused(values: tuple[str, ...]):
    with pytest.raises(DeclarationError, match="declared with the attributes job, outcome"):
        counter("test.ordered.runs", "Runs.", "{run}", ("job", "outcome")).add(1, *values)


def test_declared_twice_alike_is_one_metric():
    first = histogram("test.twice", "Twice.", "s", (1, 2), ("a",))
    assert histogram("test.twice", "Twice.", "s", (1, 2), ("a",)) is first
    for other in (
        lambda: histogram("test.twice", "Twice.", "s", (1, 3), ("a",)),
        lambda: histogram("test.twice", "Twice.", "s", (1, 2), ("b",)),
        lambda: histogram("test.twice", "Twice.", "By", (1, 2), ("a",)),
        lambda: counter("test.twice", "Twice.", "s", ("a",)),
    ):
        with pytest.raises(DeclarationError, match=r"test\.twice is declared twice"):
            other()


@pytest.mark.parametrize(
    ("name", "unit"), [("Upper", "s"), ("a b", "s"), ("a..b", "s"), ("", "s"), ("a", "seconds"), ("a", "{A}")]
)
def test_names_and_units_follow_the_conventions(name: str, unit: str):
    with pytest.raises(DeclarationError):
        counter(name, "Odd.", unit)


def test_boundaries_rise():
    with pytest.raises(DeclarationError, match="must rise"):
        histogram("test.falling", "Falling.", "s", (2, 1))


def test_a_counter_does_not_go_down():
    with pytest.raises(DeclarationError, match="cannot go down"):
        counter("test.down", "Down.").add(-1)


def test_beyond_the_bound_everything_counts_in_one_overflow_cell(monkeypatch):
    monkeypatch.setattr(instruments, "MAX_CELLS", 2_000)
    flood = counter("test.flood", "Flood.", "1", ("who",))
    for number in range(2_500):
        flood.add(1, f"n{number}")
    points = metric_points("test.flood")
    assert len(points) == 2_001
    assert points[frozenset({("otel.metric.overflow", True)})] == 500
    assert sum(points.values()) == 2_500


def test_values_are_scrubbed_and_alike_when_scrubbed_alike():
    seen = counter("test.scrubbed", "Scrubbed.", "1", ("who",))
    seen.add(1, "alice@example.com")
    seen.add(1, "bob@example.com")
    seen.add(1, "x" * 5_000)
    assert metric_points("test.scrubbed") == {
        frozenset({("who", "***")}): 2,
        frozenset({("who", "x" * 200)}): 1,
    }


def test_threads_lose_no_count():
    shared = counter("test.threads.count", "Count.")
    timed = histogram("test.threads.time", "Time.")

    def work() -> None:
        for _ in range(2_000):
            shared.add(1)
            timed.record(0.01)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metric_points("test.threads.count")[frozenset()] == 16_000
    assert metric_points("test.threads.time")[frozenset()].count == 16_000


def test_a_forked_child_counts_from_nothing_even_if_a_lock_was_held():
    seen = counter("test.forked", "Forked.")
    seen.add(5)
    cell = seen.at()
    with cell._lock, seen._lock:
        child = os.fork()
        if child == 0:
            seen.add(1)
            os._exit(int(metric_points("test.forked")[frozenset()]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert metric_points("test.forked") == {frozenset(): 5}


def test_a_gauge_is_read_when_somebody_looks_and_a_broken_reading_hides_no_other(logs):
    level = gauge("test.level", "Level.", "{thing}", ("where",))
    stop_broken = level.observe(lambda: 1 / 0)
    stop = level.observe(lambda: [(7, ("pool",))])
    level.refresh()
    assert metric_points("test.level") == {frozenset({("where", "pool")}): 7}
    stop()
    stop_broken()
    stop()
    level.set(3, "pool")
    level.refresh()
    assert metric_points("test.level") == {frozenset({("where", "pool")}): 3}
