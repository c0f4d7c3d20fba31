"""A policy that asks for the caller's claims again for every row."""

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_sql
from pglast.parser import ParseError

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.callers import Callers
from clarivum.checks.rules.database.evaluated import walk
from clarivum.checks.rules.database.tables import problem, tables

PER_STATEMENT = frozenset({"jwt", "uid", "role", "email", "current_setting", "has_any_role", "has_role", "subject"})
"""Functions whose answer is the same for every row of a statement."""


def look(facts: Facts) -> Iterator[Problem]:
    asking = PER_STATEMENT | Callers(facts.objects.functions).asking
    for table in tables(facts):
        for policy in table.policies:
            calls = [name for part in (policy.using, policy.check) for name in bare_calls(part, table.name, asking)]
            if calls:
                names = ", ".join(dict.fromkeys(calls))
                made = f"policy {table.qualified}.{policy.name}"
                fix = f"write (select {calls[0]}(…)) instead of {calls[0]}(…)"
                yield problem(facts, table, f"the policy calls {names} once per row", fix, made=made)


def bare_calls(expression: str, table: str, asking: frozenset[str]) -> Iterator[str]:
    """The calls of `asking` that a condition of a policy on `table` makes for each row."""
    if expression:
        try:
            parsed: Any = parse_sql(f"select {expression}")
        except ParseError:
            return
        yield from _walk(parsed[0].stmt, table, asking)


def _walk(node: Any, table: str, asking: frozenset[str]) -> Iterator[str]:
    """A subselect is evaluated once, before the rows are read, unless it asks for a column of the row."""
    if isinstance(node, tuple | list):
        for member in node:
            yield from _walk(member, table, asking)
    elif isinstance(node, ast.SubLink):
        yield from _walk(node.testexpr, table, asking)
        if _is_correlated(node.subselect, table):
            yield from _walk(node.subselect, table, asking)
    elif isinstance(node, ast.Node):
        if isinstance(node, ast.FuncCall):
            path: Any = node.funcname
            if path[-1].sval in asking and not any(isinstance(each, ast.ColumnRef) for each in walk(node.args)):
                yield ".".join(part.sval for part in path)
        for field in node:
            yield from _walk(getattr(node, field), table, asking)


def _is_correlated(subselect: Any, table: str) -> bool:
    """Whether a subselect names a column of the policy's table; Postgres prints it with the table's name there."""
    return any(isinstance(node, ast.ColumnRef) and _qualifier(node) == table for node in walk(subselect))


def _qualifier(column: Any) -> str:
    names = [str(field.sval) for field in column.fields if isinstance(field, ast.String)]
    return names[-2] if len(names) > 1 else ""


RULE = Rule(
    id="database/policy-call-per-row",
    looks_for="A policy that calls `auth.jwt()`, `auth.uid()`, `current_setting()`, one of the platform's helpers, or "
    "a function of the application that calls one of these, without a column as argument: outside a subselect, or in "
    "one that names a column of the policy's table.",
    why="Postgres evaluates `(select auth.jwt() ->> 'sub')` once per statement and `auth.jwt() ->> 'sub'` once per "
    "row; on a large table that is most of the query's time, and the index on the column cannot be used.",
    fix="wrap the call: (select auth.jwt() ->> 'sub')",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
