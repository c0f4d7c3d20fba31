"""Several processes that serve one listening socket; the first one only watches over the others."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from clarivum.errors import ClarivumError
from clarivum.telemetry import get_logger

log = get_logger(__name__)


def run_workers(run: Callable[[], None], count: int) -> None:
    """Fork `count` processes that each call `run`, pass SIGTERM and SIGINT on, and wait for all of them.

    A worker that ends by itself takes the others with it: whoever supervises this process restarts all of it, which is
    simpler to reason about than half of it. Raises SystemExit with the first failing worker's exit code.
    """
    children = [_fork(run) for _ in range(count)]
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        _signal_all(children, signum)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    failure = 0
    try:
        while children:
            pid, status = os.wait()
            if pid not in children:
                continue
            children.remove(pid)
            if not stopping:
                log.error("a worker ended", pid=pid, status=status)
                failure = failure or os.waitstatus_to_exitcode(status) or 1
                stop(signal.SIGTERM, None)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if failure:
        raise SystemExit(abs(failure))


def _fork(run: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        run()
        code = 0
    except ClarivumError as error:
        print(f"clarivum: {error.detail}", file=sys.stderr, flush=True)
        code = error.code.exit
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        log.critical("a worker failed", exc_info=error)
    finally:
        os._exit(code)


def _signal_all(children: list[int], signum: int) -> None:
    for pid in children:
        os.kill(pid, signum)
