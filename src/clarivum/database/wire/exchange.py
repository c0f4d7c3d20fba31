"""What is sent up to one Sync, and its answers."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from clarivum.database.sqlstate import DatabaseError
from clarivum.database.wire.libpq import FATAL_ERROR
from clarivum.database.wire.prepared import Prepared, Statement

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult


class Exchange(ABC):
    """Statements up to one Sync, and their results in order. Subclasses say what happens then.

    `budget_s`: how long it may be at the head of the line; Postgres' own timeout should end it before.
    """

    __slots__ = ("budget_s", "commands", "head_since_s", "preparing", "results")

    def __init__(self, budget_s: float) -> None:
        self.budget_s = budget_s
        self.head_since_s = 0.0
        self.commands = 0
        self.results: list[PGresult] = []
        self.preparing: list[tuple[int, Statement, str, Prepared]] | None = None

    @abstractmethod
    def answered(self) -> None:
        """Its Sync came back: `results` is complete. Must not raise."""

    @abstractmethod
    def lost(self, error: DatabaseError) -> None:
        """The connection ended before its Sync came back. Must not raise."""

    def failure(self) -> "PGresult | None":
        """The first result that is an error, if any; those after it were skipped by the server."""
        for result in self.results:
            if result.status == FATAL_ERROR:
                return result
        return None
