"""What a command is reading, said while it reads."""

import sys
import time


class Progress:
    """Says on standard error what is being read: on a terminal in one line that goes away, else a line for each step
    that begins after the first second."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()

    def __call__(self, step: str) -> None:
        if self._live:
            print(f"\r\033[K  … {step}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._began > 1.0:
            print(f"  … {step}", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
