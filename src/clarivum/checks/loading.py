"""Load the application, and make every refused declaration a problem with its place instead of one that stops it all.

The normal way is tried first. When it fails, every module is imported by itself, with empty packages around it, so that
a refusal in one slice does not hide a refusal in another, nor one in `routes.py` another in `jobs.py`.
"""

import importlib
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from clarivum.application import Application, load_application
from clarivum.checks.finding import Problem
from clarivum.checks.sources import Source, shown
from clarivum.errors import ClarivumError

PLACE = re.compile(r"(?P<file>[^\s()]+\.(?:py|sql|toml)):(?P<line>\d+)")


@dataclass(frozen=True, slots=True)
class Loading:
    """The application, or why there is none."""

    application: Application | None
    refusals: tuple[Problem, ...]


def load(target: str, sources: Sequence[Source], root: Path) -> Loading:
    """Load `module:attribute`; when that fails, import every module of the package to find all that is refused.

    What the declarations refuse is reported; an error of another kind in the application's own code (an ImportError, a
    NameError) is reported as well, with the line it came from.
    """
    try:
        return Loading(load_application(target), ())
    except Exception as error:
        first = _problem(error, sources, root)
    refusals: dict[Problem, None] = {}
    with _bare_packages(target, sources):
        for source in sources:
            if source.path.name != "__init__.py":
                # What else fails here may fail only because the packages are empty; the second way round tells.
                _import(source.module, ClarivumError, sources, root, refusals)
    with _forgetting(target):
        for source in sources:
            _import(source.module, Exception, sources, root, refusals)
    return Loading(None, tuple(dict.fromkeys([*refusals, first])))


def without_place(message: str) -> str:
    """A message without the file and line in it, which stand before it already."""
    return PLACE.sub("", message).replace("()", "").replace(", )", ")").lstrip(": ").replace("  ", " ")


def _import(
    module: str, reported: type[Exception], sources: Sequence[Source], root: Path, refusals: dict[Problem, None]
) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:
        if isinstance(error, reported):
            refusals[_problem(error, sources, root)] = None


@contextmanager
def _bare_packages(target: str, sources: Sequence[Source]) -> Iterator[None]:
    """Packages that lead to their modules and hold nothing: their own `__init__` is not run."""
    with _forgetting(target):
        for source in sources:
            if source.path.name == "__init__.py":
                package = ModuleType(source.module)
                package.__path__ = [str(source.path.parent)]
                sys.modules[source.module] = package
        yield


@contextmanager
def _forgetting(target: str) -> Iterator[None]:
    """Import the application's modules anew, and leave none behind: what was half loaded must not be met again."""
    package = target.partition(":")[0].partition(".")[0]

    def forget() -> None:
        for module in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[module]

    forget()
    try:
        yield
    finally:
        forget()


def _problem(error: Exception, sources: Sequence[Source], root: Path) -> Problem:
    message = error.detail if isinstance(error, ClarivumError) else f"{type(error).__name__}: {error}"
    file, line = _place(error, message, sources, root)
    subject = next((source.module for source in sources if source.shown == file), Path(file).name)
    return Problem(file, line, subject, without_place(message))


def _place(error: Exception, message: str, sources: Sequence[Source], root: Path) -> tuple[str, int]:
    """Where the message says, if that file exists; else the innermost line of the application that led to it."""
    named = PLACE.search(message)
    if named is not None:
        for path in (root / named["file"], Path(named["file"])):
            if path.exists():
                return shown(path, root), int(named["line"])
    paths = {str(source.path): source.shown for source in sources}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in paths:
            return paths[frame.filename], frame.lineno or 1
    return (sources[0].shown if sources else "."), 1
