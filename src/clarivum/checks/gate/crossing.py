"""Migrations that touch what another team owns. Pure.

A migration names its author's team in a comment line before its first statement:

    -- author: growth
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clarivum.checks.gate.ownership import Ownership
from clarivum.checks.statements import Lock, joined, locks_of, statements_within, texts_unread, touches, wording
from clarivum.database.migrations.files import Migration, Statement

AUTHOR = re.compile(r"^--[ \t]*author:[ \t]*([A-Za-z0-9_-]+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Crossing:
    """An object of another team that a migration touches. `owner` is a team; `acts` what is done to it, in order."""

    object: str
    owner: str
    acts: tuple[str, ...]
    line: int
    """Of the first statement that touches it."""
    changes: tuple[str, ...] = ()
    """The acts with what they name: `add column note text`, `drop policy profiles_read`."""


@dataclass(slots=True)
class _Touched:
    """What the statements of one migration did to one object so far; in dicts for their order."""

    owner: str
    line: int
    acts: dict[str, None] = field(default_factory=dict)
    changes: dict[str, None] = field(default_factory=dict)

    def crossing(self, name: str) -> Crossing:
        return Crossing(name, self.owner, tuple(self.acts), self.line, tuple(self.changes))


@dataclass(frozen=True, slots=True)
class Locking:
    """One statement of a migration with what it locks of what stood before the migration."""

    statement: Statement
    locks: tuple[Lock, ...]
    unread: bool = False
    """Whether it is a block that puts a statement together as it runs: what that one locks is not known."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What following one migration showed."""

    migration: Migration
    author: str
    """Empty when it declares none."""
    crossings: tuple[Crossing, ...]
    lockings: tuple[Locking, ...]
    touched: tuple[Crossing, ...]
    """Tables that stood before it and what else another team owns: all that it touches, whoever owns it."""


def author_of(migration: Migration) -> str:
    """The team that a migration's leading comments name; empty when they name none."""
    first = migration.statements[0] if migration.statements else None
    if first is None:
        return ""
    head = first.sql.splitlines()[: first.line - first.first_line]
    found = AUTHOR.search("\n".join(head))
    return found[1] if found else ""


def author_in(text: str) -> str:
    """The team that the comment lines at the head of a file name, whether or not the rest parses; empty for none."""
    head = itertools.takewhile(lambda line: not line.strip() or line.startswith("--"), text.splitlines())
    found = AUTHOR.search("\n".join(head))
    return found[1] if found else ""


def owner_at(readings: Iterable[Reading], path: Path, line: int) -> str:
    """The team that owns what the statement at a line of a migration touches; empty when nobody is known."""
    touched = (each for reading in readings if reading.migration.path == path for each in reading.touched)
    return next((each.owner for each in touched if each.line == line), "")


def follow(migrations: Sequence[Migration]) -> Iterator[Reading]:
    """Read migrations from the oldest to the newest, each against the ownership that the ones before it left."""
    state = Ownership()
    for migration in migrations:
        yield _read(migration, state)


def _read(migration: Migration, state: Ownership) -> Reading:
    """Judge one migration by the state before it, and take the state past it."""
    author = author_of(migration)
    before = state.copy()
    found: dict[str, _Touched] = {}
    lockings: list[Locking] = []
    for statement in migration.body:
        locks: list[Lock] = []
        for node in statements_within(statement.node):
            for touch in touches(node, state.names):
                stood = touch.object in before.names.tables
                if touch.object in state.names.tables and not stood:
                    continue  # made by this very migration
                owner = before.team_of(touch.object)
                if stood or (owner and owner != author):
                    touched = found.setdefault(touch.object, _Touched(owner, statement.line))
                    touched.acts[touch.act] = None
                    touched.changes |= dict.fromkeys(wording(node, touch.act))
            locks += (lock for lock in locks_of(node, state.names) if lock.table in before.names.tables)
            state.follow(node, author)
        lockings.append(Locking(statement, joined(locks), any(texts_unread(statement.node))))
    everything = tuple(touched.crossing(name) for name, touched in found.items())
    crossings = tuple(each for each in everything if each.owner and each.owner != author)
    return Reading(migration, author, crossings, tuple(lockings), everything)
