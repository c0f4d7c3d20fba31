"""Ends handlers that hold the event loop: an endless loop, a blocking call. Cancellation cannot reach those.

A thread notices that the loop has stood still beyond a running handler's deadline and sends the main thread a signal.
Python runs the signal's handler between two bytecodes of whatever blocks (and wakes `time.sleep` and the like), where
it raises AttemptTimeout: the attempt fails as any other, and its place comes back. A call into C that does not return
does not notice; then the process is ended, its leases run out, and the run is tried again alone. (C code that never
releases the interpreter lock stops this thread too: then only the lease ends it.)
"""

import asyncio
import faulthandler
import os
import signal
import sys
import threading
from time import monotonic
from types import FrameType

from clarivum import telemetry
from clarivum.jobs.failure import AttemptTimeout

log = telemetry.get_logger("clarivum.jobs")

SIGNAL = signal.SIGALRM
LOOK_S = 0.25
STILL_S = 0.5
"""The loop counts as blocked when it did not run for this long."""
EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h


class Watchdog:
    """One per process. `start` on the main thread, inside its running event loop; `stop` puts everything back."""

    def __init__(self, *, patience_s: float = 10.0) -> None:
        """`patience_s`: from the first signal to the end of the process."""
        self.deadlines: dict[asyncio.Task[object], float] = {}
        """Running handlers, by task: when each must have ended, on `time.monotonic()`."""
        self._patience_s = patience_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alive_at = 0.0
        self._ended = threading.Event()
        self._main_thread = 0
        self._previous: object = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._main_thread = threading.main_thread().ident or 0
        self._alive_at = monotonic()
        self._previous = signal.signal(SIGNAL, self._interrupt)
        threading.Thread(target=self._watch, name="clarivum-watchdog", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        if self._loop is not None:
            signal.signal(SIGNAL, self._previous)  # type: ignore[arg-type]

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: raise inside a handler that is over its time, and nowhere else."""
        task = asyncio.current_task(self._loop)
        if task is not None and self.deadlines.get(task, float("inf")) < monotonic():
            raise AttemptTimeout("the handler held the event loop beyond its timeout")

    def _watch(self) -> None:
        assert self._loop is not None
        signalled_at: float | None = None
        while not self._ended.wait(LOOK_S):
            try:
                self._loop.call_soon_threadsafe(self._alive)
            except RuntimeError:
                return  # the loop is closed
            now = monotonic()
            overdue = [deadline for deadline in tuple(self.deadlines.values()) if deadline < now]
            if now - self._alive_at < STILL_S + LOOK_S or not overdue:
                signalled_at = None
                continue
            if signalled_at is None:
                signalled_at = now
                log.error("a job blocks the event loop beyond its timeout, interrupting it")
            elif now - signalled_at > self._patience_s:
                self._give_up()
            signal.pthread_kill(self._main_thread, SIGNAL)

    def _alive(self) -> None:
        self._alive_at = monotonic()

    def _give_up(self) -> None:
        log.critical("a job cannot be interrupted, ending the worker; the stack of every thread is on standard error")
        telemetry.shutdown(1.0)
        faulthandler.dump_traceback(sys.stderr)
        os._exit(EXIT_CODE)
