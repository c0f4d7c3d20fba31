"""Parts of a page that a command writes, between two marks; what stands around them is written by hand. Pure.

<!-- made by ./clarivum db erd: diagram; do not edit between here and its end -->
…
<!-- end of diagram, made by ./clarivum db erd -->
"""

import re
from collections.abc import Mapping

from clarivum.errors import ConfigurationError

NAME = r"(?P<name>[a-z][a-z0-9-]*)"


def with_parts(page: str, parts: Mapping[str, str], command: str, where: str) -> str:
    """The page with what is between the marks of each part replaced; a part without marks is added at the end.

    Raises ConfigurationError, naming `where` and the line, for a mark of this command without its counterpart, one that
    stands twice, or one of a part that the command does not make.
    """
    lines = page.rstrip("\n").split("\n")
    found = _marked(lines, command, where)
    for name, (begin, _) in found.items():
        if name not in parts:
            made = ", ".join(parts)
            raise ConfigurationError(f"{where}:{begin + 1}: {command} makes no part {name!r}; it makes {made}")
    # From the last to the first, so that the places of those before it still hold.
    for name, (begin, end) in sorted(found.items(), key=lambda each: each[1], reverse=True):
        lines[begin : end + 1] = _between_marks(name, parts[name], command)
    for name, text in parts.items():
        if name not in found:
            lines += ["", *_between_marks(name, text, command)]
    return "\n".join(lines) + "\n"


def _between_marks(name: str, text: str, command: str) -> list[str]:
    return [
        f"<!-- made by {command}: {name}; do not edit between here and its end -->",
        *text.rstrip("\n").split("\n"),
        f"<!-- end of {name}, made by {command} -->",
    ]


def _marked(lines: list[str], command: str, where: str) -> dict[str, tuple[int, int]]:
    """The first and last line of each part, its marks, counted from 0."""
    begins = re.compile(rf"<!-- made by {re.escape(command)}: {NAME}\b.*-->")
    ends = re.compile(rf"<!-- end of {NAME}, made by {re.escape(command)} -->")
    found: dict[str, tuple[int, int]] = {}
    opened: tuple[str, int] | None = None
    for number, line in enumerate(lines):
        begin, end = begins.fullmatch(line.strip()), ends.fullmatch(line.strip())
        if begin and opened:
            raise ConfigurationError(f"{where}:{number + 1}: a part begins before the end of {opened[0]!r}")
        if begin and begin["name"] in found:
            raise ConfigurationError(f"{where}:{number + 1}: the part {begin['name']!r} stands twice")
        if end and (opened is None or opened[0] != end["name"]):
            raise ConfigurationError(f"{where}:{number + 1}: the end of {end['name']!r} without its beginning")
        if begin:
            opened = begin["name"], number
        elif end and opened:
            found[opened[0]] = opened[1], number
            opened = None
    if opened:
        raise ConfigurationError(f"{where}:{opened[1] + 1}: the part {opened[0]!r} has no end")
    return found
