"""Asking Postgres' own grammar. Imports pglast (70 ms): for checks and tests, never for a server's start."""

from collections.abc import Iterator
from types import ModuleType

import pglast
from pglast.parser import ParseError

from clarivum.database.queries import HEAD, Query, parse_queries
from clarivum.errors import DeclarationError


def check_syntax(query: Query) -> None:
    """Raise DeclarationError, naming file and line, when the query does not parse or is not one statement."""
    try:
        statements = pglast.parse_sql(query.sql)
    except ParseError as error:
        offset = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0
        line = query.sql_line + query.sql.count("\n", 0, max(offset, 0))
        raise DeclarationError(f"{query.file}:{line} {query.name}: {error.args[0]}") from None
    if len(statements) != 1:
        raise DeclarationError(f"{query.where}: {len(statements)} statements; a query is exactly one")


def query_file_faults(text: str, file: str) -> Iterator[DeclarationError]:
    """Everything that is wrong with a query file, where loading it would stop at the first; row classes are not asked.

    Each heading is read with nothing around it but the lines before, so that one fault hides no other.
    """
    heads = [head.start() for head in HEAD.finditer(text)]
    before = text[: heads[0]] if heads else text
    if not heads or any(line.strip() and not line.lstrip().startswith("--") for line in before.splitlines()):
        _, fault = _read(before, file)
        yield from fault
    lines: dict[str, int] = {}
    for begin, end in zip(heads, [*heads[1:], len(text)], strict=False):
        queries, fault = _read("\n" * text.count("\n", 0, begin) + text[begin:end], file)
        yield from fault
        for query in queries:
            if query.name in lines:
                yield DeclarationError(f"{query.where}: there is a query of this name at line {lines[query.name]}")
            lines.setdefault(query.name, query.line)


def _read(text: str, file: str) -> tuple[tuple[Query, ...], tuple[DeclarationError, ...]]:
    """The queries of a part of a file, or the first thing that is wrong with it."""
    queries: tuple[Query, ...] = ()
    try:
        queries = tuple(parse_queries(text, file, AnyRows("rows")))
        for query in queries:
            check_syntax(query)
    except DeclarationError as error:
        return queries, (error,)
    return queries, ()


class AnyRows(ModuleType):
    """Stands for a module that has a row class of every name, where only the SQL is wanted."""

    def __getattr__(self, name: str) -> type:
        return object
