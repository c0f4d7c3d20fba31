"""What output looks like: its formats, and the colours of a terminal."""

import os
import sys
from collections.abc import Callable
from enum import StrEnum

BOLD, DIM, RED, YELLOW, GREEN = "\033[1m", "\033[2m", "\033[31m", "\033[33m", "\033[32m"
PLAIN = "\033[0m"

Paint = Callable[[str, str], str]
"""Colours a text, given a code of this module and the text."""


class Format(StrEnum):
    """What `--format` takes."""

    TEXT = "text"
    JSON = "json"


def wants_colour() -> bool:
    """Whether standard output is a terminal whose user did not decline (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def painter(colour: bool) -> Paint:
    """Paints, or leaves the text as it is."""
    return (lambda code, text: f"{code}{text}{PLAIN}") if colour else (lambda code, text: text)
