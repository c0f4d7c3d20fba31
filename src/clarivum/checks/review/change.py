"""The change as its parts see it: both sides, the files between them, migrations and plans. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pglast import parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream

from clarivum.checks.gate import Addendum, Reading
from clarivum.checks.review.git import Comparison
from clarivum.checks.review.side import DeclaredQuery, PlannedQuery, QueryKey, Side
from clarivum.owners import Owner


class State(StrEnum):
    """What became of something between the two sides."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True)
class ChangedMigration:
    """A migration file that only one side has, or that differs. `reading` is None when it cannot be read as SQL."""

    name: str
    state: State
    reading: Reading | None = None
    late: bool = False
    """Whether it is older than the newest migration of the base, so that `db push` refuses it."""


@dataclass(frozen=True)
class ChangedQuery:
    """A query that is new, changed or removed, or whose tables changed (then `state` is None)."""

    state: State | None
    before: DeclaredQuery | None
    after: DeclaredQuery | None
    plan_before: PlannedQuery | None = None
    plan_after: PlannedQuery | None = None

    @property
    def query(self) -> DeclaredQuery:
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True)
class Change:
    """Everything the parts describe."""

    comparison: Comparison
    base: Side
    head: Side
    migrations: tuple[ChangedMigration, ...]
    migrations_refused: str
    """Why the head's migrations cannot be read; empty when they can."""
    queries: tuple[ChangedQuery, ...]
    owners: Mapping[str, Owner]
    addenda: tuple[Addendum, ...]
    untested: tuple[str, ...]
    """New routes, jobs and queries that no file below tests/ names."""
    today: date


def changed_migrations(
    before: Mapping[str, str], after: Mapping[str, str], readings: Mapping[str, Reading]
) -> tuple[ChangedMigration, ...]:
    """Compare folders of migrations, given as texts by file name. Comments and white space do not count."""
    newest = max((name[:14] for name in before), default="")
    found = []
    for name in sorted({*before, *after}):
        stem = name.removesuffix(".sql")
        if name not in after:
            found.append(ChangedMigration(stem, State.REMOVED))
        elif name not in before:
            found.append(ChangedMigration(stem, State.NEW, readings.get(stem), late=name[:14] <= newest))
        elif _statements(before[name]) != _statements(after[name]):
            found.append(ChangedMigration(stem, State.CHANGED, readings.get(stem)))
    return tuple(found)


def _statements(text: str) -> str:
    try:
        return str(RawStream()(parse_sql(text)))
    except ParseError:
        return text


def changed_tables(base: Side, head: Side) -> frozenset[str]:
    """Tables whose definition in any respect that a plan depends on is not the same on both sides."""
    if base.unmigrated or head.unmigrated:
        return frozenset()
    relevant = {"table", "column", "constraint", "index", "policy", "row security", "view", "function", "grant"}
    sides = [{each for each in side.definitions if each.kind in relevant} for side in (base, head)]
    rows = {table for table in {*base.rows, *head.rows} if base.rows.get(table) != head.rows.get(table)}
    return frozenset({each.of for each in sides[0] ^ sides[1]} | rows)


def changed_queries(base: Side, head: Side) -> tuple[ChangedQuery, ...]:
    """Queries to be planned on both sides, in the order of their files. Comments and places do not count."""
    before = {query.key: query for query in base.queries}
    after = {query.key: query for query in head.queries}
    tables = changed_tables(base, head)
    found = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            found.append(ChangedQuery(State.NEW if old is None else State.REMOVED, old, new))
        elif _differs(old, new):
            found.append(ChangedQuery(State.CHANGED, old, new))
        elif tables.intersection(new.tables):
            found.append(ChangedQuery(None, old, new))
    return tuple(found)


def with_plans(
    queries: tuple[ChangedQuery, ...],
    before: Mapping[QueryKey, PlannedQuery],
    after: Mapping[QueryKey, PlannedQuery],
) -> tuple[ChangedQuery, ...]:
    return tuple(
        ChangedQuery(
            each.state, each.before, each.after, before.get(each.query.key), after.get(each.query.key)
        )
        for each in queries
    )  # fmt: skip


def _differs(old: DeclaredQuery, new: DeclaredQuery) -> bool:
    roles_differ = bool(old.roles and new.roles) and old.roles != new.roles
    return old.sql != new.sql or old.parameters != new.parameters or roles_differ
