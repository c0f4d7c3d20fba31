"""A push as it is told: a line for each file that was applied, and what it is waiting for."""

import sys
from typing import TextIO

from clarivum.cli.terminal import GREEN, YELLOW, painter
from clarivum.database.migrations.push import Progress, Step


class PushProgress:
    """Writes applied files to `out`; what is under way to standard error, on a terminal in one line that goes away."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = sys.stderr.isatty()
        self._paint = painter(out.isatty())
        self._began_s = 0.0

    def __call__(self, progress: Progress) -> None:
        place = f"{progress.number}/{progress.total}  {progress.migration}"
        match progress.step:
            case Step.WAITING:
                self._under_way("another deployer is pushing; waiting for it")
            case Step.APPLYING:
                self._began_s = progress.elapsed_s
                self._under_way(f"{place}")
            case Step.RETRYING:
                self._under_way(f"{place}: a lock is held; undone, tried again after a pause", mark=YELLOW)
            case Step.APPLIED:
                self._clear()
                took_s = progress.elapsed_s - self._began_s
                print(f"  {self._paint(GREEN, '✓')} {place:<64} {took_s:.1f} s", file=self._out, flush=True)

    def __enter__(self) -> "PushProgress":
        return self

    def __exit__(self, *exc: object) -> None:
        self._clear()

    def _under_way(self, text: str, mark: str = "") -> None:
        if self._live:
            print(f"\r\033[K  {painter(bool(mark))(mark, '…')} {text}", end="", file=sys.stderr, flush=True)
        else:
            print(f"  … {text}", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
