"""Postgres' table lock modes from the weakest to the strongest, and classes of how long one is held."""

from dataclasses import dataclass
from enum import IntEnum


class Mode(IntEnum):
    """Table-level lock modes, numbered as in Postgres' lockdefs.h; each conflicts with more than the one before."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    def __str__(self) -> str:
        return self.name.replace("_", " ")

    @property
    def stops(self) -> str:
        """What waits for it, in words: reads need ACCESS SHARE, writes ROW EXCLUSIVE."""
        if self is Mode.ACCESS_EXCLUSIVE:
            return "reads and writes"
        if self >= Mode.SHARE:
            return "writes"
        return "other changes of the table" if self is Mode.SHARE_UPDATE_EXCLUSIVE else "nothing that serves requests"


class Duration(IntEnum):
    """How long the statement itself takes, as a class: what it depends on."""

    INSTANT = 0
    ROWS = 1
    SCAN = 2
    REWRITE = 3

    def __str__(self) -> str:
        return DURATIONS[self]


DURATIONS = {
    Duration.INSTANT: "instant (catalogue only)",
    Duration.ROWS: "as long as the rows it reads or writes",
    Duration.SCAN: "reads the whole table",
    Duration.REWRITE: "writes the whole table anew",
}


@dataclass(frozen=True, slots=True)
class Lock:
    """One table locked by one statement."""

    table: str
    mode: Mode
    duration: Duration
    advice: str = ""
    """How to take a weaker or shorter one, where there is a way."""
