"""Statements that run inside another one: in a `do` block, a WITH clause, a CREATE SCHEMA. Pure.

Of PL/pgSQL, what is written out is seen, in `execute '…'` as well; SQL that a block puts together as it runs is not.
Bodies of functions and rules do not run when the migration does, and are left out.
"""

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError
from pglast.visitors import Visitor

WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
QUERIES = (*WRITES, ast.SelectStmt, ast.CreateTableAsStmt, ast.ExplainStmt, ast.CopyStmt)
MAX_DEPTH = 3
QUOTE = "$clarivum_block$"
STATIC, DYNAMIC = "PLpgSQL_stmt_execsql", "PLpgSQL_stmt_dynexecute"


def statements_within(node: Any, depth: int = 0) -> Iterator[Any]:
    """The statement itself, then those that run with it, in their order."""
    yield node
    if depth == MAX_DEPTH:
        return
    if isinstance(node, ast.DoStmt):
        for inner in _of_block(node):
            yield from statements_within(inner, depth + 1)
    elif isinstance(node, ast.CreateSchemaStmt):
        for element in node.schemaElts or ():
            yield _in_schema(element, str(node.schemaname))
    elif isinstance(node, QUERIES):
        finder = _Writes()
        finder(node)
        yield from (each for each in finder.found if each is not node)


def _of_block(node: Any) -> Iterator[Any]:
    body = next((str(option.arg.sval) for option in node.args if option.defname == "as"), "")
    try:
        (parsed,) = parse_plpgsql(f"do {QUOTE}{body}{QUOTE}")
    except (ParseError, ValueError, RecursionError):
        return  # another language, or nothing that runs
    for kind, content in _plpgsql_statements(parsed):
        is_static = kind == STATIC
        expression = content.get("sqlstmt" if is_static else "query", {}).get("PLpgSQL_expr", {})
        yield from _parsed(expression.get("query", ""), literal=not is_static)


def _plpgsql_statements(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(tree, list):
        for each in tree:
            yield from _plpgsql_statements(each)
    elif isinstance(tree, dict):
        for name, content in tree.items():
            if name in {STATIC, DYNAMIC}:
                yield name, content
            else:
                yield from _plpgsql_statements(content)


def _parsed(text: str, *, literal: bool) -> Iterator[Any]:
    """The statements of a text; of `execute`'s argument, when that is a string and nothing else."""
    try:
        if literal:
            (raw,) = parse_sql(f"select {text}")
            select: Any = raw.stmt
            value = select.targetList[0].val
            if not isinstance(value, ast.A_Const) or not isinstance(value.val, ast.String):
                return
            text = str(value.val.sval)
        yield from (raw.stmt for raw in parse_sql(text))
    except (ParseError, ValueError):
        return  # PL/pgSQL of its own (`select … into variable`)


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
