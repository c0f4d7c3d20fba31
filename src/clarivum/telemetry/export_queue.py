"""The queue between requests and the collector: bounded, batched, emptied by one thread.

A collector that is slow, dead or silent costs spans, never time: when 2,048 wait, further ones are dropped and counted.
"""

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from clarivum.telemetry.export_metrics import (
    BATCHING,
    OTLP_HTTP,
    SPAN_QUEUE_CAPACITY,
    SPAN_QUEUE_SIZE,
    SPANS_EXPORTED,
    SPANS_PROCESSED,
)
from clarivum.telemetry.finished_spans import FinishedSpan

QUEUE_SPANS = 2_048
BATCH_SPANS = 512
DELAY_S = 5.0


class SpanExport(Protocol):
    """Sends batches. `export` may block for its own time-out and answers whether the collector took the batch."""

    def export(self, spans: Sequence[FinishedSpan]) -> bool: ...

    def hurry(self) -> None:
        """Try each batch once from now on: the process is ending."""
        ...


class SpanQueue:
    """A `SpanSink` that exports in batches of 512, every 5 s or when a batch is full."""

    def __init__(
        self, export: SpanExport, *, capacity: int = QUEUE_SPANS, batch: int = BATCH_SPANS, delay_s: float = DELAY_S
    ) -> None:
        self._export = export
        self._capacity = capacity
        self._batch = batch
        self._delay_s = delay_s
        self._full = SPANS_PROCESSED.at(BATCHING, "queue_full")
        self._processed = SPANS_PROCESSED.at(BATCHING, None)
        self._exported = SPANS_EXPORTED.at(OTLP_HTTP, None)
        self._failed = SPANS_EXPORTED.at(OTLP_HTTP, "export_failed")
        SPAN_QUEUE_CAPACITY.set(capacity, BATCHING)
        self._unobserve = SPAN_QUEUE_SIZE.observe(lambda: [(len(self._spans), (BATCHING,))])
        self._reset()
        alive = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (reset := alive()) and reset())

    def _reset(self) -> None:
        self._spans: deque[FinishedSpan] = deque()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._deadline: float | None = None
        self._under_way = 0

    def emit(self, span: FinishedSpan) -> None:
        waiting = len(self._spans)
        if waiting >= self._capacity or self._closing:
            self._full.add(1)
            return
        self._spans.append(span)
        if self._thread is None:
            self._start()
        if waiting + 1 >= self._batch and not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout_s: float) -> bool:
        """Export what waits now. False when the collector did not take it in time."""
        self._idle.clear()
        self._wake.set()
        return self._thread is None or self._idle.wait(timeout_s)

    def shutdown(self, timeout_s: float) -> int:
        """Export what waits, each batch tried once, for at most `timeout_s`. Returns how many spans were lost."""
        self._closing = True
        failed_before = self._failed.value() or 0
        self._deadline = time.monotonic() + timeout_s
        self._export.hurry()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        left = len(self._spans)
        self._spans.clear()
        self._full.add(left)
        self._unobserve()
        return left + self._under_way + int((self._failed.value() or 0) - failed_before)

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="clarivum-span-export", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._delay_s)
            self._wake.clear()
            self._send()
            self._idle.set()
        self._send()
        self._idle.set()

    def _send(self) -> None:
        while self._spans and (self._deadline is None or time.monotonic() < self._deadline):
            count = min(len(self._spans), self._batch)
            batch = [self._spans.popleft() for _ in range(count)]
            self._processed.add(count)
            self._under_way = count
            try:
                taken = self._export.export(batch)
            except Exception:  # whatever the transport raises, the thread must live on
                taken = False
            self._under_way = 0
            (self._exported if taken else self._failed).add(count)
