"""What a declared query returns and takes, as the server itself describes it: names, types, nullability.

The statement is prepared, not run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from pglast import ast, parse_sql
from pglast.enums import JoinType
from psycopg import pq

from clarivum.database.planning.catalog import Catalog

TYPES = """
    select t.oid::bigint, coalesce(b.typname, t.typname)::text, coalesce(b.typcategory, t.typcategory)::text
    from pg_type t left join pg_type b on b.oid = t.typbasetype and t.typtype = 'd'"""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column of a result."""

    name: str
    type: str
    """pg_type.typname, a domain's base type: `int4`, `timestamptz`, `_text` for text[]."""
    category: str
    """pg_type.typcategory: S for strings, N for numbers, E for enums, A for arrays, …"""
    nullable: bool | None
    """None where it cannot be told: an expression, or a table joined more than once."""


@dataclass(frozen=True, slots=True)
class Description:
    """`refusal` is Postgres' reason when the statement cannot be prepared; then there are no columns."""

    columns: tuple[ResultColumn, ...]
    refusal: str = ""


class Describer:
    """Describes statements over one connection, whose login must see all tables."""

    def __init__(self, connection: psycopg.Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog
        self._types = {oid: (name, category) for oid, name, category in connection.execute(TYPES)}

    def describe(self, sql: str) -> Description:
        """Describe a statement whose parameters are `$n`."""
        session = self._connection.pgconn
        prepared = session.prepare(b"", sql.encode())
        if prepared.status != pq.ExecStatus.COMMAND_OK:
            message = prepared.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"it cannot be prepared"
            return Description((), message.decode(errors="replace"))
        result = session.describe_prepared(b"")
        optional = _optional_tables(sql)
        return Description(tuple(self._column(result, number, optional) for number in range(result.nfields)))

    def _column(self, result: Any, number: int, optional: dict[str, bool | None]) -> ResultColumn:
        name, category = self._types.get(result.ftype(number), ("unknown", "X"))
        shown = (result.fname(number) or b"").decode()
        table = self._catalog.by_oid(result.ftable(number))
        place = result.ftablecol(number)
        column = next((each for each in table.columns if each.number == place), None) if table else None
        if table is None or column is None:
            return ResultColumn(shown, name, category, None)
        joined = optional.get(table.name, False)
        return ResultColumn(shown, name, category, True if column.nullable else joined)


def _optional_tables(sql: str) -> dict[str, bool | None]:
    """By table name: True on the side of an outer join that may be missing, None where a table stands twice."""
    found: dict[str, bool | None] = {}
    for table, missing in _tables(parse_sql(sql), False):
        found[table] = None if table in found and found[table] != missing else missing
    return found


def _tables(node: Any, missing: bool) -> Iterator[tuple[str, bool]]:
    """Every table named, with whether an outer join may leave its columns null."""
    if isinstance(node, tuple | list):
        for member in node:
            yield from _tables(member, missing)
    elif isinstance(node, ast.RangeVar):
        yield str(node.relname), missing
    elif isinstance(node, ast.JoinExpr):
        kind = node.jointype
        yield from _tables(node.larg, missing or kind in (JoinType.JOIN_RIGHT, JoinType.JOIN_FULL))
        yield from _tables(node.rarg, missing or kind in (JoinType.JOIN_LEFT, JoinType.JOIN_FULL))
    elif isinstance(node, ast.Node):
        for field in node:
            yield from _tables(getattr(node, field), missing)
