"""Load the application, and make every refused declaration a problem with its place instead of one that stops it all.

Each module is imported by itself: a refusal in one slice then does not hide a refusal in another.
"""

import importlib
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """Import every module, then the application `module:attribute`.

    What the declarations refuse is reported; an error of another kind in the application's own code (an ImportError, a
    NameError) is reported as well, with the line it came from.
    """
    refusals: dict[Problem, None] = {}
    for module in [source.module for source in sources]:
        try:
            importlib.import_module(module)
        except Exception as error:
            refusals[_problem(error, module, sources, root)] = None
    if refusals:
        return Loading(None, tuple(refusals))
    try:
        return Loading(load_application(target), ())
    except Exception as error:
        return Loading(None, (_problem(error, target.partition(":")[0], sources, root),))


def _problem(error: Exception, module: str, sources: Sequence[Source], root: Path) -> Problem:
    message = error.detail if isinstance(error, ClarivumError) else f"{type(error).__name__}: {error}"
    file, line = _place(error, message, sources, root)
    own = next((source.shown for source in sources if source.module == module), module)
    return Problem(file or own, line, module, _without_place(message))


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
    return "", 1


def _without_place(message: str) -> str:
    """The place stands before the message already."""
    return PLACE.sub("", message).replace("()", "").replace(", )", ")").lstrip(": ").replace("  ", " ")
