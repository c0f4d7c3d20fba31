"""Log lines to a file descriptor: handed over in a microsecond, written in batches by a thread, complete at shutdown.

A stuck reader of the output (a full pipe) must not stop requests, so at most 50,000 lines wait; what comes then is
dropped and counted, and the count is told when the output moves again.
"""

import atexit
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

MAX_PENDING_LINES = 50_000
BATCH_DELAY_S = 0.05
_LINES_PER_WRITE = 256


class DirectWriter:
    """Writes each line to standard error at once: for a process that has not configured its telemetry yet."""

    def write(self, line: bytes, urgent: bool = False) -> None:
        if sys.stderr is not None:
            sys.stderr.write(line.decode("utf-8", "replace") + "\n")

    def flush(self, timeout_s: float = 5.0) -> bool:
        return True

    def close(self, timeout_s: float = 5.0) -> bool:
        return True


class LineWriter:
    """Writes lines to `descriptor`. `on_drop(lines)` is told, in the writing thread, how many lines were lost.

    Lines reach the descriptor at most 50 ms after `write`, urgent ones at once, all of them by `close`, which also runs
    at the interpreter's exit. A child made by fork starts with an empty buffer and a thread of its own.
    """

    def __init__(self, descriptor: int, on_drop: Callable[[int], None] | None = None) -> None:
        self._descriptor = descriptor
        self._on_drop = on_drop
        self._reset()
        atexit.register(self.close)
        alive = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (reset := alive()) and reset())

    def _reset(self) -> None:
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._filled = threading.Event()
        self._urgent = threading.Event()
        self._drained = threading.Event()

    def write(self, line: bytes, urgent: bool = False) -> None:
        """Hand over one line without its newline. Never blocks, except after `close`, when it writes itself."""
        if len(self._lines) >= MAX_PENDING_LINES:
            self._dropped += 1
            return
        self._lines.append(line)
        if urgent:
            self._urgent.set()
        if not self._filled.is_set():
            self._filled.set()
            if self._thread is None:
                self._start()

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything handed over so far is written. False when the output did not take it in time."""
        self._drained.clear()
        if self._thread is None:
            self._start()
        self._urgent.set()
        self._filled.set()
        return self._thread is None or self._drained.wait(timeout_s)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is pending and end the thread; later lines are written at once. False when lines were left."""
        atexit.unregister(self.close)
        thread = self._thread
        if self._closed or thread is None:
            self._closed = True
            return not self._lines
        self._closed = True
        self._urgent.set()
        self._filled.set()
        thread.join(timeout_s)
        if thread.is_alive():
            return False
        self._thread = None
        self._filled.clear()
        return not self._lines

    def _start(self) -> None:
        """Start the thread, or write from here where no thread can run: after `close`, at the interpreter's end."""
        with self._start_lock:
            if self._thread is not None:
                return
            if not self._closed:
                thread = threading.Thread(target=self._run, name="clarivum-log-writer", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    self._closed = True
                else:
                    self._thread = thread
                    return
        self._drain()

    def _run(self) -> None:
        while not self._closed:
            self._filled.wait()
            self._urgent.wait(BATCH_DELAY_S)
            self._urgent.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        with self._write_lock:
            self._filled.clear()
            while self._lines:
                count = min(len(self._lines), _LINES_PER_WRITE)
                self._put(b"\n".join([self._lines.popleft() for _ in range(count)]) + b"\n")
            self._drained.set()
        if self._dropped and self._on_drop is not None:
            dropped, self._dropped = self._dropped, 0
            self._on_drop(dropped)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # the descriptor was made non-blocking by somebody else; its reader is slow
                time.sleep(0.01)
            except OSError:  # the reader is gone or the descriptor closed: there is nobody left to tell
                return
