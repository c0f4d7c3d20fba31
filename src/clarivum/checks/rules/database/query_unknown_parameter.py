"""A call whose parameters are not those of the query."""

import ast
import sys
from collections.abc import Iterator
from typing import Any, get_type_hints

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.usage import Use


def look(facts: Facts) -> Iterator[Problem]:
    for use in facts.usage.uses:
        if use.query is None:
            continue
        given, complete = _given(use)
        unknown = [name for name in given if name not in use.query.parameters]
        missing = [name for name in use.query.parameters if name not in given] if complete else []
        parts = [f"{what} {', '.join(names)}" for what, names in (("unknown", unknown), ("missing", missing)) if names]
        if parts:
            takes = ", ".join(use.query.parameters) or "no parameters"
            message = f"{'; '.join(parts)}: {use.query.name} takes {takes}"
            yield Problem(use.source.shown, use.call.lineno, use.query.name, message)


def _given(use: Use) -> tuple[list[str], bool]:
    """The names of the parameters of a call, and whether these are all of them."""
    names: list[str] = []
    complete = True
    for keyword in use.call.keywords:
        if keyword.arg is not None:
            names.append(keyword.arg)
            continue
        fields = _dumped_fields(use, keyword.value)
        names.extend(fields)
        complete = complete and bool(fields)
    return names, complete


def _dumped_fields(use: Use, node: ast.expr) -> list[str]:
    """The fields behind `**body.model_dump()` where `body` is a parameter of the function; none for anything else."""
    if not (
        isinstance(node, ast.Call)
        and not node.args
        and not node.keywords
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "model_dump"
        and isinstance(node.func.value, ast.Name)
    ):
        return []
    module, name = use.function
    function: Any = vars(sys.modules[module]).get(name)
    try:
        hints = get_type_hints(getattr(function, "handler", function))
    except (NameError, TypeError):
        return []
    return list(getattr(hints.get(node.func.value.id), "model_fields", {}))


RULE = Rule(
    id="database/query-unknown-parameter",
    looks_for="A call such as `session.many(queries.leads_by_source, sorce=…)` that gives a parameter the query does "
    "not have, or leaves one out. `**body.model_dump()` is followed into the contract.",
    why="The session refuses such a call when it runs, which may be the first time in production.",
    fix="give exactly the parameters that the query names",
    look=look,
)
