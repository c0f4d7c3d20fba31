"""An index that another one does the work of."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import drop_of, name_of, problem
from clarivum.database.planning import Index
from clarivum.database.planning.conditions import normal
from clarivum.database.planning.quoting import quoted

BACKWARDS = {"": "desc", "desc": "", "nulls first": "desc nulls last", "desc nulls last": "nulls first"}
"""The order of a key when a B-tree is walked from its end."""


def look(facts: Facts) -> Iterator[Problem]:
    for table in facts.catalog.tables:
        own = [index for index in table.indexes if not index.part_of]
        for index in own:
            other = next((other for other in own if other is not index and makes_redundant(other, index)), None)
            if other is not None:
                same = len(other.keys) == len(index.keys)
                what = "has the same keys" if same else f"begins with the same keys ({', '.join(index.keys)})"
                drop = drop_of(table, index)
                if index.backs:
                    name = name_of(table)
                    drop = f"alter table {name} drop constraint {quoted(index.name)};"
                made = f"index {table.qualified}.{index.name}"
                yield problem(facts, table, f"{other.name} {what} and serves every use of it", drop, made=made)


def makes_redundant(other: Index, index: Index) -> bool:
    """Whether `other` serves whatever `index` does: the same keys or more behind them, over the same rows."""
    same_rows = other.method == index.method and normal(other.predicate or "true") == normal(index.predicate or "true")
    if not same_rows or not set(index.included) <= {*other.included, *other.keys}:
        return False
    if index.method != "btree":
        return not index.backs and _keys(index) == _keys(other) and other.oid < index.oid
    if len(index.keys) > len(other.keys) or not _begins(other, index):
        return False
    if len(index.keys) < len(other.keys):
        return not index.unique
    if index.unique and not other.unique:
        return False
    return _claim(other) > _claim(index)


def _claim(index: Index) -> tuple[bool, bool, bool, int, int]:
    """Which of two indexes with the same keys stays: primary key, constraint, unique one, the wider, the older."""
    return index.primary, bool(index.backs), index.unique, len(index.included), -index.oid


def _begins(longer: Index, shorter: Index) -> bool:
    """Whether the first keys of one are those of the other, read forwards or backwards."""
    wanted = _keys(shorter)
    found = _keys(longer)[: len(wanted)]
    return wanted in (found, tuple((key, kind, BACKWARDS[order]) for key, kind, order in found))


def _keys(index: Index) -> tuple[tuple[str, str, str], ...]:
    return tuple(zip(map(normal, index.keys), index.classes, index.order, strict=True))


RULE = Rule(
    id="database/index-duplicate",
    looks_for="An index whose keys (column or expression, operator class, collation, order, or all of these backwards) "
    "are those of another index of the table with the same predicate, or the first of them. One that enforces "
    "uniqueness is reported only if the other enforces the same.",
    why="It answers no question that the other does not, and every insert and most updates write it, vacuum cleans it, "
    "backups carry it, and memory holds it.",
    fix="drop index concurrently … in a migration of its own",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
