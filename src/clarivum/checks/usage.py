"""Where declared queries are used: by which call, in which function, on behalf of which route or job.

Read from the syntax, with names looked up in the loaded modules; so `queries.capture_lead` is the very Query object,
and `from … import helper` leads into the helper.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeGuard

from clarivum.api import Access, Route
from clarivum.application import Application
from clarivum.auth.roles import STAFF_ROLES
from clarivum.checks.sources import Source
from clarivum.checks.surroundings import Surroundings
from clarivum.database import Queries, Query
from clarivum.jobs import Job

METHODS = frozenset({"one", "maybe", "many", "execute", "defer"})
"""The methods of a session and of a transaction that take a query."""

MAX_NAMES = 5
"""How many names a query is followed through: `query = by_source` where `by_source = queries.leads_by_source`."""
Function = tuple[str, str]
"""Module and name of a top-level function or class."""


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One call that runs a declared query, or one mention of a query that is not declared (`query` None)."""

    source: Source
    function: Function
    call: ast.Call
    name: str
    query: Query | None
    declared: Queries
    as_worker: bool
    """Whether it stands inside `with tx.as_worker()`."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkerUse:
    """One call of `as_worker()`."""

    source: Source
    function: Function
    call: ast.Call


@dataclass(frozen=True, slots=True)
class Usage:
    """All uses, and for each query the database roles it may run under."""

    uses: tuple[Use, ...]
    roles: Mapping[Query, frozenset[str]]
    of_handler: Mapping[Function, tuple[Use, ...]]
    """What the handler of each route and job may run, itself or through the functions it calls."""
    worker_uses: Mapping[Function, tuple[WorkerUse, ...]]
    """Where the handler of each route and job becomes the worker, itself or through the functions it calls."""


def read_usage(application: Application, sources: Sequence[Source]) -> Usage:
    """Follow every route and job into the functions it calls, and those into the queries they run.

    A query that no route or job reaches may run under any role of its slice.
    """
    uses: list[Use] = []
    worker_uses: list[WorkerUse] = []
    references: dict[Function, set[Function]] = {}
    for source in sources:
        for node in source.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                function = (source.module, node.name)
                uses.extend(_uses(source, function, node))
                worker_uses.extend(WorkerUse(source, function, call) for call in ast.walk(node) if _is_as_worker(call))
                references[function] = set(_references(source, node))
    roles: defaultdict[Query, set[str]] = defaultdict(set)
    of_handler: dict[Function, tuple[Use, ...]] = {}
    worker_of_handler: dict[Function, tuple[WorkerUse, ...]] = {}
    for handler, role in _entries(application):
        reached = _reachable(handler, references)
        of_handler[handler] = tuple(use for use in uses if use.query is not None and use.function in reached)
        worker_of_handler[handler] = tuple(use for use in worker_uses if use.function in reached)
        for use in of_handler[handler]:
            if use.query is not None:
                roles[use.query].add("clarivum_worker" if use.as_worker else role)
    for feature in application.features:
        slice_roles = {role for _, role in _entries_of(feature.routes, feature.jobs)}
        for query in feature.queries or ():
            roles[query] = roles[query] or slice_roles or {"clarivum_worker"}
    frozen = {query: frozenset(found) for query, found in roles.items()}
    return Usage(tuple(uses), frozen, of_handler, worker_of_handler)


def database_role(access: Access) -> str:
    """The role that a route's statements run under (docs/adr/0006-database-roles.md)."""
    if not access.signed_in:
        return "anon"
    return "clarivum_staff" if access.roles and access.roles <= STAFF_ROLES else "authenticated"


def loaded(source: Source, node: ast.expr) -> Any:
    """What a dotted name is in the loaded module; None when it is no such name or not known there."""
    if isinstance(node, ast.Name):
        return vars(sys.modules[source.module]).get(node.id) if source.module in sys.modules else None
    if isinstance(node, ast.Attribute):
        owner = loaded(source, node.value)
        return None if owner is None or isinstance(owner, Queries) else getattr(owner, node.attr, None)
    return None


def _uses(source: Source, function: Function, node: ast.AST, as_worker: bool = False) -> Iterator[Use]:
    if isinstance(node, ast.Call):
        yield from _uses_of_call(source, function, node, as_worker)
    if isinstance(node, ast.AsyncWith | ast.With):
        for item in node.items:
            yield from _uses(source, function, item, as_worker)
        inside = as_worker or any(_is_as_worker(item.context_expr) for item in node.items)
        for statement in node.body:
            yield from _uses(source, function, statement, inside)
        return
    for child in ast.iter_child_nodes(node):
        yield from _uses(source, function, child, as_worker)


def _uses_of_call(source: Source, function: Function, call: ast.Call, as_worker: bool) -> Iterator[Use]:
    """A use for each query that the call may run: several where the query was chosen before."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS and call.args:
        for declared, name in chosen(source, call):
            query = getattr(declared, name) if name in declared else None
            yield Use(source, function, call, name, query, declared, as_worker)


def chosen(source: Source, call: ast.Call) -> list[tuple[Queries, str]]:
    """The queries that a call's first argument stands for; none when it cannot be read."""
    around: Surroundings | None = None

    def follow(node: ast.expr, depth: int = 0) -> Iterator[tuple[Queries, str]]:
        nonlocal around
        if isinstance(node, ast.Attribute):
            declared = loaded(source, node.value)
            if isinstance(declared, Queries):
                yield declared, node.attr
        elif isinstance(node, ast.IfExp):
            yield from (*follow(node.body, depth), *follow(node.orelse, depth))
        elif isinstance(node, ast.Subscript):
            yield from follow(node.value, depth)
        elif isinstance(node, ast.Dict):
            for value in node.values:
                yield from follow(value, depth)
        elif isinstance(node, ast.Name) and depth < MAX_NAMES:
            around = around or Surroundings(source, call)
            for value in around.values(node.id) or source.values(node.id):
                yield from follow(value, depth + 1)

    return list(dict.fromkeys(follow(call.args[0])))


def _is_as_worker(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "as_worker"


def _references(source: Source, node: ast.AST) -> Iterator[Function]:
    """The functions and classes that a function names, whether it calls them or hands them on."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute):
            value = loaded(source, inner)
            if isinstance(value, FunctionType | type):
                yield value.__module__, value.__qualname__.partition(".")[0]


def _entries(application: Application) -> list[tuple[Function, str]]:
    return _entries_of(application.routes, application.jobs.values())


def _entries_of(routes: Sequence[Route], jobs: Any) -> list[tuple[Function, str]]:
    """The handlers, each with the role its statements run under."""
    each_job: list[Job[Any]] = list(jobs)
    return [
        *((handler_key(route.handler), database_role(route.access)) for route in routes),
        *((handler_key(job.handler), "clarivum_worker") for job in each_job),
    ]


def handler_key(handler: Any) -> Function:
    return handler.__module__, handler.__qualname__


def _reachable(start: Function, references: Mapping[Function, set[Function]]) -> set[Function]:
    seen: set[Function] = set()
    waiting = [start]
    while waiting:
        function = waiting.pop()
        if function not in seen:
            seen.add(function)
            waiting.extend(references.get(function, ()))
    return seen
