"""Statements for a connection of one's own, up to one Sync, and the wait for their answers."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from clarivum.database.queries import Query
from clarivum.database.sqlstate import (
    SHUTTING_DOWN,
    DatabaseError,
    connection_lost,
    error_of,
    sqlstate_of,
)
from clarivum.database.wire.exchange import Exchange
from clarivum.database.wire.prepared import Prepared, Statement

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from clarivum.database.wire.connection import Wire

BUILT_IN = "clarivum/database"


class Batch(Exchange):
    """An exchange that somebody waits for. `add` its statements, `send` it, read the results."""

    __slots__ = ("_closing_index", "_future", "_parts", "_wire")

    def __init__(self, wire: "Wire", budget_s: float) -> None:
        super().__init__(budget_s)
        self._wire = wire
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parts: list[tuple[int, Statement, str, Prepared]] = []
        self._closing_index: int | None = None

    def add(self, statement: Statement, role: str = "", values: Sequence[bytes | None] | None = None) -> int:
        """Queue a statement; `role` is the one in force. Returns its place, for `result`."""
        prepared = self._wire.execute(self, statement, role, values)
        self._parts.append((self.commands - 1, statement, role, prepared))
        return len(self._parts) - 1

    def commits(self) -> None:
        """From here on, losing the connection leaves open whether the change is stored.

        Call it after `add(COMMIT)`, or with no explicit transaction after the last statement: its Sync commits.
        """
        self._closing_index = self.commands - 1

    async def send(self) -> None:
        """Raises DatabaseError for the first statement that failed. Cancelling leaves the exchange to be drained."""
        self._wire.submit(self)
        await self._future
        failure = self.failure()
        if failure is not None:
            raise self._error(failure)

    def result(self, place: int) -> "tuple[Prepared, PGresult]":
        index, _, _, prepared = self._parts[place]
        return prepared, self.results[index]

    @property
    def last_command(self) -> bytes:
        """The tag of the last statement, such as b"COMMIT"."""
        return self.results[-1].command_status or b""

    def answered(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def lost(self, error: DatabaseError) -> None:
        if not self._future.done():
            self._future.set_exception(self._lost_error(error))

    def _lost_error(self, error: DatabaseError) -> DatabaseError:
        failure = self.failure()
        state = "" if failure is None else sqlstate_of(failure)
        if failure is not None and state and state not in SHUTTING_DOWN:
            return self._error(failure)
        where = next((part.where for _, part, _, _ in reversed(self._parts) if isinstance(part, Query)), "")
        # What the server said to a statement before the closing one tells that it did not get to commit.
        refused_before = state and self._closing_index is not None and len(self.results) <= self._closing_index
        unknown = self._closing_index is not None and not refused_before
        return connection_lost(error.log or error.detail, where=where, unknown_outcome=unknown)

    def _error(self, failure: "PGresult") -> DatabaseError:
        place = next(index for index, result in enumerate(self.results) if result is failure)
        part = next((part for part in self._parts if part[0] >= place), self._parts[-1])
        _, statement, role, prepared = part
        state = sqlstate_of(failure)
        self._wire.prepared.refused(state, statement, role, prepared)
        where = statement.where if isinstance(statement, Query) else f"{BUILT_IN}: {statement.sql}"
        return error_of(failure, role=role, where=where)
