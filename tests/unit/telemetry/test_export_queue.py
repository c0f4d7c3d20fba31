"""The queue never blocks, drops what is too much, and says how much that was."""

import threading
from collections.abc import Sequence

import pytest

from clarivum.telemetry.export_queue import BATCH_SPANS, QUEUE_SPANS, SpanQueue
from clarivum.telemetry.finished_spans import FinishedSpan, Kind, SpanShape
from clarivum.testing.telemetry import metric_points

SHAPE = SpanShape("x", Kind.INTERNAL, {})


def finished(number: int) -> FinishedSpan:
    return FinishedSpan(SHAPE, 1, number, 0, False, 1, "", 1, 2, {}, (), None)


class Export:
    """Keeps what it is given; `hold` makes the next batch wait until `go`."""

    def __init__(self, *, hold: bool = False, taken: bool = True, error: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self.holding = threading.Event()
        self.go = threading.Event()
        self.hurried = False
        self.delivered = threading.Event()
        self._taken, self._error = taken, error
        if not hold:
            self.go.set()

    def export(self, spans: Sequence[FinishedSpan]) -> bool:
        self.batches.append([span.span_id for span in spans])
        self.holding.set()
        self.go.wait()
        self.delivered.set()
        if self._error is not None:
            raise self._error
        return self._taken

    def hurry(self) -> None:
        self.hurried = True


def counted(name: str, error: str | None = None) -> float:
    return sum(value for labels, value in metric_points(name).items() if dict(labels).get("error.type") == error)


def test_a_full_batch_leaves_at_once_and_the_rest_at_shutdown():
    export = Export()
    queue = SpanQueue(export, delay_s=3_600)
    for number in range(BATCH_SPANS + 10):
        queue.emit(finished(number))
    assert export.delivered.wait(20)
    assert queue.shutdown(20) == 0
    assert [number for batch in export.batches for number in batch] == list(range(BATCH_SPANS + 10))
    assert max(map(len, export.batches)) <= BATCH_SPANS
    assert export.hurried
    assert counted("otel.sdk.exporter.span.exported") == BATCH_SPANS + 10


def test_after_the_delay_a_small_batch_leaves_too():
    export = Export()
    queue = SpanQueue(export, delay_s=0.01)
    queue.emit(finished(1))
    assert export.delivered.wait(20)
    assert queue.shutdown(20) == 0


def test_while_the_collector_hangs_2048_wait_and_the_rest_is_dropped_and_counted():
    export = Export(hold=True)
    queue = SpanQueue(export, delay_s=3_600)
    for number in range(BATCH_SPANS):
        queue.emit(finished(number))
    assert export.holding.wait(20)
    for number in range(QUEUE_SPANS + 777):
        queue.emit(finished(number))
    assert counted("otel.sdk.processor.span.processed", "queue_full") == 777
    export.go.set()
    assert queue.shutdown(20) == 0
    assert sum(map(len, export.batches)) == BATCH_SPANS + QUEUE_SPANS


def test_shutdown_does_not_wait_for_a_collector_that_hangs():
    export = Export(hold=True)
    queue = SpanQueue(export, delay_s=3_600)
    for number in range(BATCH_SPANS):
        queue.emit(finished(number))
    assert export.holding.wait(20)
    for number in range(100):
        queue.emit(finished(number))
    assert queue.shutdown(0.05) == BATCH_SPANS + 100
    export.go.set()


@pytest.mark.parametrize("export", [Export(taken=False), Export(error=OSError("gone"))])
def test_what_the_collector_refuses_is_counted_and_the_next_batch_is_tried(export: Export):
    queue = SpanQueue(export, delay_s=3_600, capacity=10, batch=2)
    for number in range(6):
        queue.emit(finished(number))
    assert queue.shutdown(20) == 6
    assert sum(map(len, export.batches)) == 6
    assert counted("otel.sdk.exporter.span.exported", "export_failed") == 6


def test_after_shutdown_spans_are_dropped_and_counted():
    queue = SpanQueue(Export())
    assert queue.shutdown(1) == 0
    queue.emit(finished(1))
    assert counted("otel.sdk.processor.span.processed", "queue_full") == 1
