"""A policy that compares a column no index begins with."""

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import BoolExprType
from pglast.stream import RawStream

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.function_body import parse
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import problem, tables
from clarivum.database.planning.conditions import Shape, conjuncts, normal
from clarivum.database.planning.proposal import Proposal, as_key
from clarivum.database.planning.weakness import BIG_TABLE_ROWS


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if table.rows < BIG_TABLE_ROWS:
            continue
        leading = {normal(index.keys[0]) for index in table.indexes if index.method in {"btree", "hash"}}
        for policy in table.policies:
            for compared in dict.fromkeys(_compared(policy.using, table.name)):
                if compared not in leading:
                    index = Proposal(table.schema, table.name, (as_key(compared),), "")
                    fix = index.ddl(concurrently=table.kind != "p")
                    message = f"the policy compares {compared}, and no index begins with it"
                    yield problem(facts, table, message, fix, made=f"policy {table.qualified}.{policy.name}")


def _compared(condition: str, alias: str) -> Iterator[str]:
    """Columns and expressions that are to equal something, in every arm of an OR."""
    for part in conjuncts(condition, alias):
        if part.shape is Shape.EQUAL and len(part.expressions) == 1:
            yield part.expressions[0]
        elif part.shape is Shape.OTHER:
            for arm in _arms(part.sql):
                yield from _compared(arm, alias)


def _arms(condition: str) -> Iterator[str]:
    for statement in parse(f"select {condition}") if condition else ():
        targets: Any = getattr(statement, "targetList", None) or ()
        value = targets[0].val if targets else None
        if isinstance(value, ast.BoolExpr) and value.boolop == BoolExprType.OR_EXPR:
            yield from (str(RawStream()(arm)) for arm in value.args or ())


RULE = Rule(
    id="database/policy-without-index",
    looks_for="A policy on a table of at least 10,000 expected rows with `column = …` in its USING, or in an arm of an "
    "OR in it, where no index of the table has that column (or expression) first.",
    why="A policy is part of every query on the table. Without the index, each of them reads every member's rows to "
    "find the caller's.",
    fix="create index concurrently … on the compared column",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
