"""What a rule is: one thing the guide asks for, and how to see that it is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from clarivum.checks.finding import Level, Problem

if TYPE_CHECKING:
    from clarivum.checks.facts import Facts


class Ask(StrEnum):
    """Whom a finding sends its reader to."""

    OWNER = "the team that owns it"
    DATA_CHAMPION = "the data champion"


class Look(Protocol):
    """Looks at the facts and reports every problem, in any order. Does no I/O of its own."""

    def __call__(self, facts: "Facts", /) -> Iterable[Problem]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. The texts are shown with each finding and make docs/checks/; whole sentences, no line breaks."""

    id: str
    """`chapter/rule`, never reused."""
    looks_for: str
    why: str
    fix: str
    look: Look
    level: Level = Level.ERROR
    ask: Ask = Ask.OWNER
    needs_application: bool = True
    """Whether it can look only at an application that loads; what reads sources or the database can look anyway."""

    @property
    def chapter(self) -> str:
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]

    @property
    def docs(self) -> str:
        return f"docs/checks/{self.chapter}.md#{self.name}"
