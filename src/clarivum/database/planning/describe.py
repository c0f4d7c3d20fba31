"""What a declared query returns and takes, as the server itself describes it: names, types, nullability.

The statement is prepared, not run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq

from clarivum.database.planning.catalog import Catalog, Column
from clarivum.database.planning.expression_nullability import Answer
from clarivum.database.planning.nullability import nullable_columns

TYPES = """
    select t.oid::bigint, t.typname::text, t.typcategory::text, t.typbasetype::bigint, t.typelem::bigint,
        array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder)
    from pg_type t"""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column of a result."""

    name: str
    type: str
    """pg_type.typname, a domain's base type: `int4`, `timestamptz`, `_text` for text[]."""
    category: str
    """pg_type.typcategory: S for strings, N for numbers, E for enums, A for arrays, …"""
    nullable: bool | None
    """None where it cannot be told, as of a parameter or a function that is not known."""
    element: str = ""
    """Of an array, the type of its elements."""
    labels: tuple[str, ...] = ()
    """Of an enum, or an array of one: all its values."""
    column: Column | None = None
    """The table's column that it is, as it stands; None for an expression."""
    checks: tuple[str, ...] = ()
    """Check constraints on that column alone, as `pg_get_constraintdef` prints them."""


@dataclass(frozen=True, slots=True)
class Description:
    """`refusal` is Postgres' reason when the statement cannot be prepared; then there are no columns."""

    columns: tuple[ResultColumn, ...]
    refusal: str = ""
    offset: int = 0
    """Where in the statement the reason lies, in characters."""


class Describer:
    """Describes statements over one connection, whose login must see all tables."""

    def __init__(self, connection: psycopg.Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog
        self._types = {oid: _Type(*more) for oid, *more in connection.execute(TYPES)}
        self._tables: Mapping[tuple[str, str], Mapping[str, Answer]] = {
            (table.schema, table.name): {column.name: column.nullable for column in table.columns}
            for table in catalog.tables
        }

    def describe(self, sql: str) -> Description:
        """Describe a statement whose parameters are `$n`."""
        session = self._connection.pgconn
        prepared = session.prepare(b"", sql.encode())
        if prepared.status != pq.ExecStatus.COMMAND_OK:
            message = prepared.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"it cannot be prepared"
            position = prepared.error_field(pq.DiagnosticField.STATEMENT_POSITION) or b"1"
            return Description((), message.decode(errors="replace"), int(position) - 1)
        result = session.describe_prepared(b"")
        answers = nullable_columns(sql, self._tables) or ()
        known = answers if len(answers) == result.nfields else (None,) * result.nfields
        return Description(tuple(self._column(result, number, answer) for number, answer in enumerate(known)))

    def _column(self, result: Any, number: int, nullable: Answer) -> ResultColumn:
        kind = self._base(result.ftype(number))
        element = self._base(kind.element) if kind.category == "A" else None
        shown = (result.fname(number) or b"").decode()
        table = self._catalog.by_oid(result.ftable(number))
        place = result.ftablecol(number)
        column = next((each for each in table.columns if each.number == place), None) if table else None
        checks = [definition for name, definition in table.checks if column and name == column.name] if table else []
        return ResultColumn(
            name=shown,
            type=kind.name,
            category=kind.category,
            nullable=nullable,
            element=element.name if element else "",
            labels=tuple((element or kind).labels),
            column=column,
            checks=tuple(checks),
        )

    def _base(self, oid: int) -> "_Type":
        """A type; of a domain the one below it."""
        kind = self._types.get(oid, _Type("unknown", "X", 0, 0, []))
        return self._base(kind.base) if kind.base else kind


@dataclass(frozen=True, slots=True)
class _Type:
    """A row of pg_type; `base` and `element` are 0 where there is none."""

    name: str
    category: str
    base: int
    element: int
    labels: list[str]
