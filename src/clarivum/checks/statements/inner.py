"""Statements that run inside another one: in a `do` block, a WITH clause, an EXPLAIN, a CREATE SCHEMA. Pure.

Of PL/pgSQL, what is written out is seen, in `execute '…'` as well; SQL that a block puts together as it runs is not,
and `texts_unread` says where there is such. What PREPARE names is counted as run. Bodies of functions and rules do not
run when the migration does, and are left out.
"""

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError
from pglast.visitors import Visitor

from clarivum.checks.function_body import statement_of

WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
QUERIES = (*WRITES, ast.SelectStmt, ast.CreateTableAsStmt, ast.CopyStmt)
NAMING = (ast.ExplainStmt, ast.PrepareStmt)
MAX_DEPTH = 3
QUOTE = "$clarivum_block$"
EXPRESSION = "PLpgSQL_expr"
DYNAMIC = frozenset({"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"})
DYNAMIC_QUERY = "dynquery"
"""Of `return query execute` and `open … for execute`, where other statements have their one query."""


def statements_within(node: Any, depth: int = 0) -> Iterator[Any]:
    """The statement itself, then those that run with it, in their order."""
    yield node
    if depth == MAX_DEPTH:
        return
    if isinstance(node, ast.DoStmt):
        for text, dynamic in _texts_of(node) or ():
            for inner in _parsed(text, literal=dynamic) or ():
                yield from statements_within(inner, depth + 1)
    elif isinstance(node, NAMING):
        yield from statements_within(node.query, depth + 1)
    elif isinstance(node, ast.CreateSchemaStmt):
        for element in node.schemaElts or ():
            yield _in_schema(element, str(node.schemaname))
    elif isinstance(node, QUERIES):
        finder = _Writes()
        finder(node)
        yield from (each for each in finder.found if each is not node)


def texts_unread(node: Any, depth: int = 0) -> Iterator[str]:
    """What `statements_within` cannot read of a `do` block: the expression of each EXECUTE that puts its statement
    together, and the whole body of a block that is not PL/pgSQL.
    """
    if not isinstance(node, ast.DoStmt) or depth == MAX_DEPTH:
        return
    texts = _texts_of(node)
    if texts is None:
        yield _body(node)
    for text, dynamic in texts or ():
        inner = _parsed(text, literal=dynamic)
        if inner is None and dynamic:
            yield text
        for each in inner or ():
            yield from texts_unread(each, depth + 1)


def _body(node: Any) -> str:
    return next((str(option.arg.sval) for option in node.args if option.defname == "as"), "")


def _texts_of(node: Any) -> list[tuple[str, bool]] | None:
    """The statements and expressions of a block, each with whether it is EXECUTE's; None when it is not PL/pgSQL."""
    try:
        (parsed,) = parse_plpgsql(f"do {QUOTE}{_body(node)}{QUOTE}")
    except (ParseError, ValueError, RecursionError):
        return None
    return list(_texts(parsed))


def _texts(tree: Any, *, is_dynamic: bool = False) -> Iterator[tuple[str, bool]]:
    if isinstance(tree, list):
        for each in tree:
            yield from _texts(each)
    elif isinstance(tree, dict):
        for name, content in tree.items():
            if name == EXPRESSION:
                yield statement_of(content), is_dynamic
            elif name in DYNAMIC:
                yield from _texts(content["query"], is_dynamic=True)
                yield from _texts({key: value for key, value in content.items() if key != "query"})
            else:
                yield from _texts(content, is_dynamic=name == DYNAMIC_QUERY)


def _parsed(text: str, *, literal: bool) -> tuple[Any, ...] | None:
    """The statements of a text, or of the one string that it selects. None when that is no string written out."""
    try:
        statements: Any = parse_sql(text)
        if literal:
            value = statements[0].stmt.targetList[0].val
            if not isinstance(value, ast.A_Const) or not isinstance(value.val, ast.String):
                return None
            statements = parse_sql(str(value.val.sval))
        return tuple(raw.stmt for raw in statements)
    except (ParseError, ValueError):
        return ()  # the server refuses it too


def _in_schema(element: Any, schema: str) -> Any:
    """An element of CREATE SCHEMA; what it names without a schema lies in that one."""
    relation = getattr(element, "relation", None) or getattr(element, "view", None)
    if isinstance(relation, ast.RangeVar) and relation.schemaname is None:
        relation.schemaname = schema
    return element


class _Writes(Visitor):
    """Every writing statement of a tree."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    def visit(self, ancestors: object, node: Any) -> None:
        if isinstance(node, WRITES):
            self.found.append(node)
