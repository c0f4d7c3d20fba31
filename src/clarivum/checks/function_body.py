"""The statements inside a function, as Postgres' own grammars read them. Pure.

What PL/pgSQL does to a value by the way, a cast to the type of a variable or of the result, is written out as a cast,
so that whoever looks for casts sees it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError

Tree = ast.Node
EXPRESSION, ASSIGNMENTS = 2, (3, 4, 5)
"""How PL/pgSQL's parser marks a text that is no statement (`parseMode`)."""
ASSIGNED = re.compile(r"^.*?(?::=|=)", re.DOTALL)
FORMAT = re.compile(r"%(?:\d+\$)?-?\d*[IsL]")


@dataclass(frozen=True, slots=True)
class Body:
    """What is inside; `unreadable` says why part of it could not be read, and is empty when all was."""

    statements: tuple[Tree, ...]
    unreadable: str = ""


def read_body(definition: str, result: str = "") -> Body:
    """The statements of a `create function` statement; `result` is the type it returns, where it returns one value.

    A function in a language other than SQL and PL/pgSQL has none.
    """
    try:
        statements: Any = parse_sql(definition)
        created = statements[0].stmt
        options = {option.defname: option.arg for option in created.options or ()}
        language = options["language"].sval if "language" in options else "sql"
        if created.sql_body is not None:
            return Body((created.sql_body,) if isinstance(created.sql_body, ast.Node) else _flat(created.sql_body))
        if language == "sql":
            return Body(parse(options["as"][0].sval))
        if language == "plpgsql":
            return _read_plpgsql(definition, result)
    except ParseError as error:
        return Body((), str(error.args[0]))
    return Body(())


def parse(sql: str) -> tuple[Tree, ...]:
    """Each statement of a text. Raises ParseError."""
    statements: Any = parse_sql(sql)
    return tuple(raw.stmt for raw in statements)


def statement_of(expression: Mapping[str, Any]) -> str:
    """A text of PL/pgSQL (a `PLpgSQL_expr` of its parser) as a statement of SQL: an expression is selected."""
    query, mode = str(expression["query"]), expression.get("parseMode", 0)
    if mode in ASSIGNMENTS:
        return f"select {ASSIGNED.sub('', query, count=1)}"
    return f"select {query}" if mode == EXPRESSION else query


def _flat(members: Any) -> tuple[Tree, ...]:
    """BEGIN ATOMIC holds a list of lists."""
    if isinstance(members, tuple | list):
        return tuple(node for member in members for node in _flat(member))
    return (members,)


def _read_plpgsql(definition: str, result: str) -> Body:
    found: list[Tree] = []
    unreadable = ""
    document: Any = parse_plpgsql(definition)
    function = document[0]["PLpgSQL_function"]
    types = [_type_of(datum) for datum in function.get("datums", ())]
    for text in _texts(function, types, result):
        try:
            found.extend(parse(text))
        except ParseError as error:
            unreadable = unreadable or f"{error.args[0]}: {text[:60]}"
    return Body(tuple(found), unreadable)


def _texts(node: Any, types: list[str], result: str) -> Iterator[str]:
    """Every statement and expression below a node of PL/pgSQL's tree, each as a statement of SQL."""
    if isinstance(node, list):
        for member in node:
            yield from _texts(member, types, result)
    elif isinstance(node, dict):
        for kind, value in node.items():
            if kind == "PLpgSQL_var" and "default_val" in value:
                yield _cast(statement_of(value["default_val"]["PLpgSQL_expr"]), _type_of(node))
            elif kind == "PLpgSQL_stmt_assign":
                yield _cast(statement_of(value["expr"]["PLpgSQL_expr"]), _at(types, value.get("varno", -1)))
            elif kind == "PLpgSQL_stmt_return" and "expr" in value:
                yield _cast(statement_of(value["expr"]["PLpgSQL_expr"]), result)
            elif kind == "PLpgSQL_stmt_execsql" and value.get("into"):
                fields = _fields(value.get("target"))
                yield _cast(
                    statement_of(value["sqlstmt"]["PLpgSQL_expr"]), _at(types, fields[0]) if len(fields) == 1 else ""
                )
            elif kind == "PLpgSQL_expr":
                yield statement_of(value)
            else:
                if kind in {"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"}:
                    yield from _dynamic(value["query"])
                elif kind == "dynquery":
                    yield from _dynamic(value)
                yield from _texts(value, types, result)


def _cast(statement: str, kind: str) -> str:
    """The statement, its value cast to `kind`; as it stands when the type is not known or it is no query."""
    is_query = re.match(r"\s*select\b", statement, re.IGNORECASE)
    return f"select ({statement})::{kind}" if kind and "%" not in kind and is_query else statement


def _type_of(datum: Mapping[str, Any]) -> str:
    variable = datum.get("PLpgSQL_var", {})
    return str(variable.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", ""))


def _fields(target: Any) -> list[int]:
    row = target.get("PLpgSQL_row", {}) if isinstance(target, dict) else {}
    return [field.get("varno", -1) for field in row.get("fields", ())]


def _at(types: list[str], number: int) -> str:
    return types[number] if 0 <= number < len(types) else ""


def _dynamic(node: Mapping[str, Any]) -> Iterator[str]:
    """The statements that are written as strings in what EXECUTE runs, placeholders of format() filled by a name."""
    for literal in re.finditer(r"'((?:[^']|'')*)'|\$(\w*)\$(.*?)\$\2\$", str(node["PLpgSQL_expr"]["query"]), re.DOTALL):
        text = FORMAT.sub("x", literal[1].replace("''", "'") if literal[1] is not None else literal[3])
        for attempt in (text, f"{text} x"):
            if _is_sql(attempt):
                yield attempt
                break


def _is_sql(text: str) -> bool:
    try:
        return bool(parse(text))
    except ParseError:
        return False
