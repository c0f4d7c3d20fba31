"""Asking Postgres' own grammar. Imports pglast (70 ms): for checks and tests, never for a server's start."""

import pglast
from pglast.parser import ParseError

from clarivum.database.queries import Query
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
