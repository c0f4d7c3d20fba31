"""The difference between two schemas, object by object, and what of it an older process would stumble over. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pglast import ast
from pglast.enums import ObjectType

from clarivum.checks.review.before_after import BeforeAfter
from clarivum.checks.review.change import Change, State
from clarivum.checks.review.side import Side
from clarivum.checks.statements import statements_within
from clarivum.checks.statements.naming import of_relation
from clarivum.database.planning.definitions import Definition

Key = tuple[str, str, str]
"""Object, kind and name of a definition."""

WHOLE = frozenset({"table", "view", "function", "type", "sequence", "schema"})
"""Kinds that stand by themselves; the others are properties of one of these."""
LITERAL = re.compile(r"'(?:[^']|'')*'(?:::[\w ]+)?")
CASTS = re.compile(r"::[\w ]+|[()\s]")
LITERALS = re.compile(rf"(?:{LITERAL.pattern}(?:, )?)+")


@dataclass(frozen=True, slots=True)
class SchemaChange(BeforeAfter[Definition]):
    """One object that differs."""

    @property
    def whole(self) -> bool:
        return self.one.kind in WHOLE


def schema_changes(change: Change) -> tuple[SchemaChange, ...]:
    """All of them, sorted by object; properties of what is new or gone as a whole included."""
    before = {(each.of, each.kind, each.name): each for each in change.base.definitions}
    after = {(each.of, each.kind, each.name): each for each in change.head.definitions}
    renamed = {
        old: new
        for old, new in _renamed_columns(change)
        if old in before.keys() - after and new in after.keys() - before
    }
    pairs = [(key, renamed.get(key, key)) for key in sorted({*before, *after} - set(renamed.values()))]
    return tuple(
        SchemaChange(before.get(old), after.get(new)) for old, new in pairs if before.get(old) != after.get(new)
    )


def _renamed_columns(change: Change) -> Iterator[tuple[Key, Key]]:
    """Columns by their old and new names, from the migrations; for a catalogue they are two."""
    for migration in change.migrations:
        body = migration.reading.migration.body if migration.reading else ()
        for node in (node for statement in body for node in statements_within(statement.node)):
            if isinstance(node, ast.RenameStmt) and node.renameType == ObjectType.OBJECT_COLUMN and node.relation:
                table = of_relation(node.relation)
                yield (table, "column", str(node.subname)), (table, "column", str(node.newname))


def apart(changes: tuple[SchemaChange, ...]) -> tuple[tuple[SchemaChange, ...], tuple[SchemaChange, ...]]:
    """What is new or gone as a whole, and what changed of things that stay."""
    wholes = tuple(each for each in changes if each.whole and each.state is not State.CHANGED)
    covered = {each.one.of for each in wholes}
    return wholes, tuple(each for each in changes if each.one.of not in covered)


@dataclass(frozen=True, slots=True)
class Loss:
    """What processes of the base rely on and the head takes away."""

    change: SchemaChange
    what: str
    queries: tuple[str, ...]
    """Queries of the base that name it."""


def losses(change: Change) -> tuple[Loss, ...]:
    """What the schema takes from processes that still run the base's code."""
    if change.base.unmigrated or change.head.unmigrated:
        return ()
    return tuple(_losses(change))


def _losses(change: Change) -> Iterator[Loss]:
    wholes, rest = apart(schema_changes(change))
    for each in (*wholes, *rest):
        what = _lost(each, change)
        if what:
            yield Loss(each, what, tuple(_relying(each.before or each.one, change.base)))


def _lost(each: SchemaChange, change: Change) -> str:
    before, after, one = each.before, each.after, each.one
    if before is not None and after is None and one.kind in {*WHOLE, "column", "grant"}:
        return f"{one.kind} {'revoked' if one.kind == 'grant' else 'dropped'}"
    if one.kind == "column" and before is None and " not null" in one.text and " default " not in one.text:
        return "" if " generated " in one.text else "new column without default that must not be null"
    if one.kind == "column" and before is not None and after is not None:
        if before.name != after.name:
            return "column renamed"
        if _type(before.text) != _type(after.text):
            return "type of a column changed"
        if " not null" in after.text and " not null" not in before.text:
            return "column must not be null any more"
    if one.kind == "constraint" and after is not None and one.of in change.base.rows:
        spared = _of_new_column(each, change) or (before is not None and _only_lists_more(before.text, after.text))
        return "" if spared else f"constraint {each.state}"
    return ""


def _type(text: str) -> str:
    """A column's type, without what follows it in its definition."""
    return re.split(r" not null| default | generated ", text)[0]


def _only_lists_more(before: str, after: str) -> bool:
    """Whether a constraint differs only in casts, or in that more values are listed."""
    listed = [set(LITERAL.findall(text)) for text in (before, after)]
    bare = [CASTS.sub("", LITERALS.sub("", text)) for text in (before, after)]
    return listed[0] <= listed[1] and bare[0] == bare[1]


def _of_new_column(each: SchemaChange, change: Change) -> bool:
    """Whether a constraint only concerns columns that older processes do not write."""
    known = {one.name for one in change.base.definitions if one.of == each.one.of and one.kind == "column"}
    return not any(re.search(rf"\b{re.escape(name)}\b", each.one.text) for name in known)


def _relying(one: Definition, base: Side) -> Iterator[str]:
    for query in base.queries:
        if one.kind == "constraint" and not query.writes:
            continue
        by_table = one.of in query.tables or (one.kind == "function" and one.of.partition("(")[0] in query.sql)
        by_column = one.kind != "column" or re.search(rf"\b{re.escape(one.name)}\b", query.sql)
        by_role = one.kind != "grant" or not query.roles or one.name in query.roles
        if by_table and by_column and by_role:
            yield query.name
