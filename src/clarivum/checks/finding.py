"""What a rule reports, and what the command shows of it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is. `--fail-on error` lets warnings pass."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found, in its own terms.

    `file` is relative to the application's root, with `/`; `line` counts from 1. `team` is the owner where the rule
    knows it, else the owner of the file is asked. `fix` replaces the rule's advice where there is something concrete.
    """

    file: str
    line: int
    subject: str
    message: str
    fix: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem, ready to be shown: by whom it was found, what to do, whom to ask, where it is explained."""

    file: str
    line: int
    rule: str
    subject: str
    level: Level
    message: str
    fix: str
    owner: str
    """The team, a name of owners.toml."""
    ask: str
    """Person and channel of the team, or the data champion."""
    docs: str
    """Page and heading that explain the rule, relative to the application's root."""
