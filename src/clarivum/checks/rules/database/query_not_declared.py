"""SQL that runs without being declared in a queries.sql, so that no rule ever sees it."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from pglast import parse_sql
from pglast.parser import ParseError

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import Source, shown
from clarivum.checks.usage import METHODS

DRIVERS = frozenset(
    {
        "aiopg",
        "asyncpg",
        "databases",
        "django",
        "peewee",
        "pg8000",
        "psycopg",
        "psycopg2",
        "psycopg_pool",
        "sqlalchemy",
        "sqlmodel",
        "tortoise",
    }
)
LOOKS_LIKE_SQL = re.compile(
    r"\s*(select\b.*\bfrom\b|insert\s+into\b|update\b.+\bset\b|delete\s+from\b|merge\s+into\b|with\b.+\bas\b"
    r"|truncate\b|(create|alter|drop)\s+(table|index|policy|role|view|function|schema)\b"
    r"|grant\b.+\bto\b|set\s+(local\s+)?role\b)",
    re.IGNORECASE | re.DOTALL,
)
SQL_METHODS = METHODS | {"executemany", "fetch", "fetchrow", "fetchval", "fetchall"}


def look(facts: Facts) -> Iterator[Problem]:
    for source in facts.sources:
        found: dict[int, Problem] = {}
        for line, subject, message in (*_drivers(source), *_passed(source), *_written(source)):
            found.setdefault(line, Problem(source.shown, line, subject, message))
        yield from found.values()
    if facts.loading.application is not None:
        for use in facts.usage.uses:
            if use.query is None:
                message = f"{shown(Path(use.declared.file), facts.root)} declares no query of this name"
                yield Problem(use.source.shown, use.call.lineno, use.name, message)


def _drivers(source: Source) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            modules = [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        for module in modules:
            if module.partition(".")[0] in DRIVERS:
                message = f"{module} is imported: its statements run outside the session, without role or claims"
                yield getattr(node, "lineno", 1), module, message


def _passed(source: Source) -> Iterator[tuple[int, str, str]]:
    """Text given to a method that takes a declared query."""
    constants = _text_names(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            method, given = node.func.attr, node.args[0]
            if method in SQL_METHODS and (_is_text(given) or (isinstance(given, ast.Name) and given.id in constants)):
                yield node.lineno, _function(source, node), f"SQL text is passed to {method}()"


def _written(source: Source) -> Iterator[tuple[int, str, str]]:
    """Any other string that is a statement."""
    docstrings = {id(node) for node in _docstrings(source.tree)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if _is_sql(node.value):
                yield node.lineno, _function(source, node), f"a statement is written out: {_start(node.value)}"
        elif isinstance(node, ast.JoinedStr):
            written = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
            if _is_sql(written):
                yield node.lineno, _function(source, node), f"a statement is put together: {_start(written)}"


def _is_sql(text: str) -> bool:
    if not LOOKS_LIKE_SQL.match(text):
        return False
    try:
        parse_sql(re.sub(r"%\(\w+\)s|%s|:\w+\b(?<!::\w)", "$1", text))
    except ParseError:
        return False
    return True


def _start(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else f"{words[:57]}…"


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _is_text(node.func.value)  # "…".format(…)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _text_names(tree: ast.Module) -> frozenset[str]:
    """Names that are given a text somewhere in the module."""
    return frozenset(
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_text(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    )


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    """Docstrings, and the texts that stand below an assignment as its documentation."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for before, statement in pairwise([None, *body]) if isinstance(body, list) else ():
            documents = before is None or isinstance(before, ast.Assign | ast.AnnAssign)
            if documents and isinstance(statement, ast.Expr):
                yield statement.value


def _function(source: Source, node: ast.AST) -> str:
    """The function that a node stands in, else the module."""
    line = getattr(node, "lineno", 0)
    within = [
        each
        for each in ast.walk(source.tree)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.lineno <= line <= (each.end_lineno or 0)
    ]
    return max(within, key=lambda each: each.lineno).name if within else source.module


RULE = Rule(
    id="database/query-not-declared",
    looks_for="SQL text passed to a session or transaction, a statement written as a Python string, a database "
    "driver imported by the application, or a query used under a name that queries.sql does not declare.",
    why="A declared query is reviewed, typed, planned at production size and named in telemetry. SQL that is put "
    "together in Python is none of these, and is where injection comes from.",
    fix="declare it in the slice's queries.sql (`-- name: lead_by_email -> maybe Lead`) and run queries.lead_by_email",
    look=look,
    needs_application=False,
)
