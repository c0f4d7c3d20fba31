"""An index that no plan of a declared query uses."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pglast import ast

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Level, Problem
from clarivum.checks.index_reach import serves
from clarivum.checks.platform_queries import declared
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.evaluated import evaluated, walk
from clarivum.checks.rules.database.tables import drop_of, problem
from clarivum.database.planning import Index, Table
from clarivum.database.planning.conditions import conjuncts

PLATFORM = "clarivum"
"""The platform's own schema: judged where the platform's queries are planned, which is in its own repository."""
NOT_READING = frozenset({"the query", "the default", "the check", "the trigger"})
"""A query is judged by its plan; the others read no table."""
WORD = re.compile(r"[A-Za-z_][\w$]*")


def look(facts: Facts) -> Iterator[Problem]:
    used = _used(facts)
    mentions = _mentions(facts)
    unplanned = " ".join(
        query.sql for query in facts.queries if query not in facts.verdicts or facts.verdicts[query].worst is None
    )
    is_platform = not set(declared()).isdisjoint(facts.queries)
    partitioned = {table.partition_of for table in facts.catalog.tables}
    for table in facts.catalog.tables:
        if (table.schema == PLATFORM and not is_platform) or re.search(rf"\b{re.escape(table.name)}\b", unplanned):
            continue
        if table.kind == "p" and table.qualified not in partitioned:
            continue  # without a partition nothing is scanned
        for index in table.indexes:
            name = f"{table.qualified}.{index.name}"
            if name not in used and not _is_needed(table, index, mentions.get(table.name, frozenset())):
                message = f"none of the plans of {len(facts.verdicts)} declared queries uses it"
                yield problem(facts, table, message, drop_of(table, index), made=f"index {name}")


def _used(facts: Facts) -> frozenset[str]:
    """What plans use, as `schema.table.index`; with a partition's share the whole index."""
    wholes = {
        f"{table.qualified}.{index.name}": index.part_of
        for table in facts.catalog.tables
        for index in table.indexes
        if index.part_of
    }
    used: set[str] = set()
    for verdict in facts.verdicts.values():
        for relation, index in verdict.uses:
            name = f"{relation}.{index}"
            while name:
                used.add(name)
                name = wholes.get(name, "")
    return frozenset(used)


def _mentions(facts: Facts) -> Mapping[str, frozenset[str]]:
    """By table: columns that are named where a function, view, policy or the like names the table."""
    found: dict[str, frozenset[str]] = {}
    for each in evaluated(facts):
        if each.what in NOT_READING:
            continue
        nodes = list(walk(each.statements))
        columns = {name for node in nodes if (name := _column(node))}
        for table in {str(node.relname) for node in nodes if isinstance(node, ast.RangeVar)}:
            found[table] = found.get(table, frozenset()) | columns
    return found


def _column(node: ast.Node) -> str:
    fields: Any = node.fields if isinstance(node, ast.ColumnRef) else ()
    return str(fields[-1].sval) if fields and isinstance(fields[-1], ast.String) else ""


def _is_needed(table: Table, index: Index, mentioned: frozenset[str]) -> bool:
    """Whether something other than a declared query wants it."""
    if index.unique or index.backs or index.part_of:
        return True
    if any(serves(index, key) for key in table.foreign_keys):
        return True
    columns = {word for word in WORD.findall(index.keys[0]) if table.column(word)}
    compared = {
        column
        for policy in table.policies
        for condition in (policy.using, policy.check)
        for part in conjuncts(condition, table.name)
        for column in part.columns
    }
    return bool(columns) and (columns <= compared or columns <= mentioned)


RULE = Rule(
    id="database/index-unused",
    looks_for="An index that appears in no plan of any declared query, under any role and variant, at production size. "
    "Not judged: one that enforces uniqueness or a constraint, one behind a foreign key, one whose first column a "
    "policy, a function or a view asks for, and one of a table that some query names which could not be planned.",
    why="Every write pays for it and no read gains. Often it served a query that has gone, or one that asks "
    "differently than its author thought.",
    fix="drop index concurrently … in a migration of its own, or waive it with the reader that is not declared here",
    look=look,
    level=Level.WARNING,
    ask=Ask.DATA_CHAMPION,
)
