"""One transaction that is never committed, in which callers try statements."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from clarivum.database.context import Context
from clarivum.database.trial.relation import Relation, read_relations
from clarivum.database.trial.samples import Sample

DENIED = "42501"
ROW_SECURITY = "row-level security"
TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody whose rows are made: `name` is how the matrix calls them."""

    name: str
    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class Guise:
    """One way in which a caller's statements run. `actor` is the caller's name, an owner's where they own rows."""

    actor: str
    context: Context


@dataclass(frozen=True, slots=True)
class Cast:
    """Who tries: `owners` are those whose rows are made; a guise whose actor is one of them has rows of its own.

    `samples` are rows that the application gives, by table.
    """

    guises: Sequence[Guise]
    owners: Sequence[Owner]
    samples: Mapping[str, Sample]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a statement ended. `sqlstate` is empty when it was carried out; `lacks_grant` tells the two 42501 apart."""

    sqlstate: str = ""
    message: str = ""
    column: str = ""
    constraint: str = ""
    rows: tuple[Any, ...] = ()

    @property
    def done(self) -> bool:
        return not self.sqlstate

    @property
    def lacks_grant(self) -> bool:
        return self.sqlstate == DENIED and ROW_SECURITY not in self.message

    @property
    def fails_policy(self) -> bool:
        return self.sqlstate == DENIED and ROW_SECURITY in self.message


class Stage:
    """A superuser's transaction. Whatever is done inside `undone` is rolled back at its end, failures included."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._depth = 0

    @contextmanager
    def undone(self) -> Iterator[None]:
        """A savepoint that is rolled back at the end, with role, claims and settings."""
        self._depth += 1
        name = f"trial_{self._depth}"
        self._connection.execute(f"savepoint {name}".encode())
        try:
            yield
        finally:
            self._connection.execute(f"rollback to savepoint {name}; release savepoint {name}".encode())
            self._depth -= 1

    @contextmanager
    def kept(self) -> Iterator[None]:
        """A savepoint that is rolled back when the block fails, and kept when it does not."""
        self._depth += 1
        name = f"trial_{self._depth}"
        self._connection.execute(f"savepoint {name}".encode())
        try:
            yield
        except BaseException:
            self._connection.execute(f"rollback to savepoint {name}".encode())
            raise
        finally:
            self._connection.execute(f"release savepoint {name}".encode())
            self._depth -= 1

    def relations(self, oids: Iterable[int]) -> dict[int, Relation]:
        """Tables by oid, as the catalog describes them."""
        return read_relations(self._connection, oids)

    def run(self, statement: sql.Composed | LiteralString, values: Sequence[Any] = ()) -> list[Any]:
        """As superuser. Raises psycopg.Error."""
        cursor = self._connection.execute(statement, values or None)
        return [] if cursor.description is None else cursor.fetchall()

    def attempt(self, statement: sql.Composed | LiteralString) -> Attempt:
        """Run a statement as whoever the transaction is now; an error leaves the savepoint around to be rolled back."""
        try:
            return Attempt(rows=tuple(self.run(statement)))
        except psycopg.Error as error:
            diagnostic = error.diag
            return Attempt(
                sqlstate=error.sqlstate or "XX000",
                message=diagnostic.message_primary or type(error).__name__,
                column=diagnostic.column_name or "",
                constraint=diagnostic.constraint_name or "",
            )

    def become(self, guise: Guise) -> None:
        """Take on the caller's role and claims, as a session does (src/clarivum/database/wire/prepared.py)."""
        self.run(
            sql.SQL("select set_config('request.jwt.claims', {}, true), set_config('role', {}, true)").format(
                guise.context.claims, guise.context.role
            )
        )

    def step_back(self) -> None:
        """Be the superuser again, what was done still standing."""
        self.run("reset role")

    def as_guise(self, guise: Guise, statement: sql.Composed | LiteralString) -> Attempt:
        """One statement as a caller, undone at once."""
        with self.undone():
            self.become(guise)
            return self.attempt(statement)

    def without_triggers(self, statement: sql.Composed, values: Sequence[Any] = ()) -> list[Any]:
        """As superuser, with neither triggers nor foreign keys."""
        self.run("set local session_replication_role = replica")
        try:
            return self.run(statement, values)
        finally:
            self.run("set local session_replication_role = origin")


@contextmanager
def stage(url: str) -> Iterator[Stage]:
    """Open a stage on a scratch database, and roll all of it back."""
    with psycopg.connect(url, autocommit=False, prepare_threshold=None) as connection:
        try:
            connection.execute(f"set local statement_timeout = {TIMEOUT_MS}".encode())
            connection.execute("set local lc_messages = 'C'")
            yield Stage(connection)
        finally:
            connection.rollback()
