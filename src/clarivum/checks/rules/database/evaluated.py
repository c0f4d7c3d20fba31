"""All SQL that runs on a caller's behalf without standing in a migration as such: what the rules on expressions read.

Policies, defaults, check constraints, triggers' conditions, rules, views, functions and declared queries, as trees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.parser import ParseError

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.function_body import parse, read_body
from clarivum.checks.migrations_text import place_of_table
from clarivum.checks.rules.database.placing import at_function, plain
from clarivum.checks.rules.database.tables import owner_of, problem, tables


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One of them. `found` is a problem at its place that says nothing yet; `what` names it in a message."""

    what: str
    found: Problem
    statements: tuple[ast.Node, ...]


def evaluated(facts: Facts) -> Iterator[Evaluated]:
    """All of them. What cannot be parsed is noted in the report."""
    for table in tables(facts):
        for policy in table.policies:
            made = f"policy {table.qualified}.{policy.name}"
            for condition in filter(None, (policy.using, policy.check)):
                yield from _parsed(facts, "the policy", problem(facts, table, "", made=made), f"select {condition}")
    owners = {table.qualified: owner_of(table) for table in facts.catalog.tables}
    for each in facts.objects.expressions:
        name = plain(each.relation)
        place = facts.places.get(f"view {name}") or place_of_table(facts.places, name)
        subject, what = (name, "the view") if each.kind == "view" else (f"{name}.{each.name}", f"the {each.kind}")
        yield from _parsed(
            facts, what, Problem(place.file, place.line, subject, "", team=owners.get(name, "")), each.sql
        )
    for function in facts.objects.functions:
        found = at_function(facts, function, "", "")
        body = read_body(function.definition, function.result)
        if body.unreadable:
            facts.note(f"{found.file}:{found.line} {found.subject}: part of its body does not parse: {body.unreadable}")
        yield Evaluated("the function", found, body.statements)
    if facts.loading.application is not None:
        for query in facts.queries:
            file, line = facts.place_of(query)
            yield from _parsed(facts, "the query", Problem(file, line, query.name, ""), query.sql)


def walk(node: Any) -> Iterator[ast.Node]:
    """A node and all below it, from the top."""
    if isinstance(node, tuple | list):
        for member in node:
            yield from walk(member)
    elif isinstance(node, ast.Node):
        yield node
        for field in node:
            yield from walk(getattr(node, field))


def called(node: Any) -> str:
    """The name of the function that a call calls, without its schema; empty for anything but a call."""
    path: Any = node.funcname if isinstance(node, ast.FuncCall) else ()
    return str(path[-1].sval) if path else ""


def _parsed(facts: Facts, what: str, found: Problem, sql: str) -> Iterator[Evaluated]:
    try:
        yield Evaluated(what, found, parse(sql))
    except ParseError as error:
        if what != "the query":  # that is a finding of its own, query-invalid
            facts.note(f"{found.file}:{found.line} {found.subject}: {what} does not parse: {error.args[0]}")
