"""Progress lines: one per step, with a tick, what it is, where it is, and how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Step:
    """A step under way; set `detail` to what should stand beside its name."""

    name: str
    detail: str = ""


class Steps:
    """Prints a line for each finished step; on a terminal also the one under way."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time the block and print its line. A failing block prints a cross and raises on."""
        step = Step(name)
        began = time.monotonic()
        if self._live:
            print(f"  … {name}", end="\r", flush=True)
        try:
            yield step
        except BaseException:
            self._line("✗", "31", step, began)
            raise
        self._line("✓", "32", step, began)

    def _line(self, mark: str, colour: str, step: Step, began: float) -> None:
        if self._live:
            mark = f"\033[K\033[{colour}m{mark}\033[0m"
        print(f"  {mark} {step.name:<24} {step.detail:<44} {time.monotonic() - began:.1f} s", flush=True)
