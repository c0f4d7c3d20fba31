"""One thing that this process depends on, as `doctor` found it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from clarivum.errors import Exit


class State(StrEnum):
    """How a dependency is."""

    OK = "ok"
    DOWN = "down"
    UNFIT = "unfit"
    """It answers, but cannot be used as it is configured."""
    OFF = "off"
    """Not configured; nothing depends on it now."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One dependency, as found. `fix` is empty unless something is to be done."""

    name: str
    state: State
    detail: str
    fix: str = ""

    @property
    def exit(self) -> Exit:
        return {State.DOWN: Exit.DEPENDENCY_DOWN, State.UNFIT: Exit.CONFIGURATION}.get(self.state, Exit.OK)


Probe = Callable[[], Dependency]
