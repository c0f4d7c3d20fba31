"""A policy that compares a column no index begins with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import BoolExprType, SubLinkType
from pglast.stream import RawStream

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.function_body import parse
from clarivum.checks.index_reach import LOOKED_UP, holds_all
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import problem, tables
from clarivum.database.planning import Index
from clarivum.database.planning.conditions import Shape, conjuncts, normal
from clarivum.database.planning.proposal import Proposal, as_key
from clarivum.database.planning.weakness import BIG_TABLE_ROWS


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if table.rows < BIG_TABLE_ROWS:
            continue
        indexes = [index for index in table.indexes if index.method in LOOKED_UP]
        for policy in table.policies:
            for each in dict.fromkeys(compared(policy.using, table.name)):
                if not any(each.is_led_to_by(index) for index in indexes):
                    index = Proposal(table.schema, table.name, (as_key(each.expression),), "")
                    fix = index.ddl(concurrently=table.kind != "p")
                    message = f"the policy compares {each.expression}, and no index begins with it"
                    yield problem(facts, table, message, fix, made=f"policy {table.qualified}.{policy.name}")


@dataclass(frozen=True, slots=True)
class Compared:
    """A column or expression that is to equal something, and the conditions, as `conjuncts` prints them, beside it."""

    expression: str
    columns: tuple[str, ...]
    beside: frozenset[str]

    def is_led_to_by(self, index: Index) -> bool:
        """Whether an index finds the rows by it: it begins with it, and holds all that the conditions let through."""
        return normal(index.keys[0]) == self.expression and holds_all(index, self.columns, self.beside)


def compared(condition: str, alias: str, beside: frozenset[str] = frozenset()) -> Iterator[Compared]:
    """What a policy on the table `alias` compares: by `=`, by IN with a subselect, and so in every arm of an OR."""
    parts = conjuncts(condition, alias)
    beside |= {part.sql for part in parts if part.sql}
    for part in parts:
        if part.shape is Shape.EQUAL and len(part.expressions) == 1:
            yield Compared(part.expressions[0], part.columns, beside)
        elif part.shape is Shape.OTHER:
            for arm in _arms(part.sql):
                yield from compared(arm, alias, beside)


def _arms(condition: str) -> Iterator[str]:
    """The arms of an OR; of `x in (select …)` a comparison of `x`."""
    for statement in parse(f"select {condition}") if condition else ():
        targets: Any = getattr(statement, "targetList", None) or ()
        value = targets[0].val if targets else None
        if isinstance(value, ast.BoolExpr) and value.boolop == BoolExprType.OR_EXPR:
            yield from (str(RawStream()(arm)) for arm in value.args or ())
        elif isinstance(value, ast.SubLink) and value.subLinkType == SubLinkType.ANY_SUBLINK and _is_equals(value):
            tested: Any = value.testexpr
            yield f"{RawStream()(tested)} = $1"


def _is_equals(link: Any) -> bool:
    """Whether it is IN, or `= any`."""
    return not link.operName or str(link.operName[-1].sval) == "="


RULE = Rule(
    id="database/policy-without-index",
    looks_for="A policy on a table of at least 10,000 expected rows with `column = …` or `column in (select …)` in "
    "its USING, or in an arm of an OR in it, where no index of the table has that column (or expression) first and "
    "holds every row that the policy lets through.",
    why="A policy is part of every query on the table. Without the index, each of them reads every member's rows to "
    "find the caller's.",
    fix="create index concurrently … on the compared column",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
