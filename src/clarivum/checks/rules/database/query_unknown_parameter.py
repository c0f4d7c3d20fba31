"""A call whose parameters are not those of the query."""

import ast
from collections.abc import Iterator

from clarivum.checks.arguments import Arguments, read_arguments
from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import Source
from clarivum.checks.surroundings import Surroundings
from clarivum.checks.usage import METHODS
from clarivum.database import Query, Session, Transaction

RUNNING = (Session, Transaction)
"""What has the methods that run a query."""


def look(facts: Facts) -> Iterator[Problem]:
    read: set[int] = set()
    for use in facts.usage.uses:
        read.add(id(use.call))
        if use.query is None:
            continue
        arguments = read_arguments(use.source, use.call)
        for text in arguments.unread:
            facts.note(
                f"{use.source.shown}:{use.call.lineno} {use.query.name}: the parameters in {text} cannot be read"
            )
        said = misfits(use.query, arguments)
        if said:
            takes = ", ".join(use.query.parameters) or "no parameters"
            message = f"{'; '.join(said)}: {use.query.name} takes {takes}"
            yield Problem(use.source.shown, use.call.lineno, use.query.name, message)
    for source in facts.sources:
        for call in _unread_calls(source, read):
            written = ast.unparse(call.args[0])
            facts.note(f"{source.shown}:{call.lineno} {_method(call)}: which query {written} is cannot be read")


def misfits(query: Query, arguments: Arguments) -> list[str]:
    """What is wrong with the arguments of a call, each in a few words."""
    names = arguments.names
    complete = not arguments.unread
    wrong = {
        "unknown": [name for name in names if name not in query.parameters],
        "missing": [name for name in query.parameters if name not in names] if complete else [],
        "given twice:": [name for name in names if names.count(name) > 1],
        "may be left out:": [name for name in arguments.uncertain if name in query.parameters],
    }
    said = [f"{what} {', '.join(dict.fromkeys(found))}" for what, found in wrong.items() if found]
    return [*said, *(["parameters without names"] if arguments.positional else [])]


def _unread_calls(source: Source, read: set[int]) -> Iterator[ast.Call]:
    """Calls that run some query on a session or transaction, and nobody can say which."""
    for call in ast.walk(source.tree):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in METHODS
            and call.args
            and id(call) not in read
            and not isinstance(call.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
            and _runs_queries(source, call, call.func.value)
        ):
            yield call


def _runs_queries(source: Source, call: ast.Call, receiver: ast.expr) -> bool:
    if isinstance(receiver, ast.Attribute):
        return receiver.attr == "transaction"
    if not isinstance(receiver, ast.Name):
        return False
    return Surroundings(source, call).annotation(receiver) in RUNNING or receiver.id in _opened(source)


def _opened(source: Source) -> frozenset[str]:
    """Names of `async with session.transaction() as tx`."""
    items = [item for node in ast.walk(source.tree) if isinstance(node, ast.AsyncWith) for item in node.items]
    return frozenset(
        item.optional_vars.id
        for item in items
        if isinstance(item.optional_vars, ast.Name)
        and isinstance(item.context_expr, ast.Call)
        and isinstance(item.context_expr.func, ast.Attribute)
        and item.context_expr.func.attr == "transaction"
    )


def _method(call: ast.Call) -> str:
    return ast.unparse(call.func)


RULE = Rule(
    id="database/query-unknown-parameter",
    looks_for="A call such as `session.many(queries.leads_by_source, sorce=…)` that gives a parameter the query does "
    "not have, leaves one out or gives one twice. `**body.model_dump()`, `**page.parameters` and a dict that is "
    "written out are followed into the contract, the keyset and the dict; a query that was chosen before, by `if` or "
    "from a dict, is each of those it may be.",
    why="The session refuses such a call when it runs, which may be the first time in production. Calls that cannot "
    "be read are listed at the end of the report.",
    fix="give exactly the parameters that the query names",
    look=look,
)
