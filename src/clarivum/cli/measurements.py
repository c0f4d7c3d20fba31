"""What commands that measure share: the repository's `benchmarks/`, progress, and an orderly end by signals."""

import importlib
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import typer

from clarivum.cli.place import ROOT
from clarivum.errors import ConfigurationError


def benchmarks(name: str) -> ModuleType:
    """A module of the repository's `benchmarks/`, which an installed package does not carry."""
    if not (ROOT / "benchmarks").is_dir():
        raise ConfigurationError("benchmarks/ is not here: this command runs from a clone of the repository")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"benchmarks.{name}")


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the measurement the way Ctrl-C does: everything that was started is stopped first."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(line: str) -> None:
    """Progress goes to standard error, so that the result can be piped."""
    typer.echo(f"  {line}", err=True)
