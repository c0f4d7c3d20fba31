"""A query whose columns do not fit the contract it feeds."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from pglast import ast
from pglast.parser import ParseError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.function_body import parse
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.evaluated import walk
from clarivum.checks.rules.database.row_fields import (
    MISPLACED_TIME,
    Field,
    RowClass,
    Schema,
    UnreadableRowError,
    accepted,
    only_values,
    options,
)
from clarivum.database.planning import ResultColumn

ADDRESSES = tuple(f"string:{each}" for each in ("ipv4", "ipv6", "ipvanyaddress", "ipv4interface", "ipv6interface"))
TYPES: Mapping[str, tuple[str, ...]] = {
    "bool": ("boolean",),
    "int2": ("integer", "number"),
    "int4": ("integer", "number"),
    "int8": ("integer", "number"),
    "oid": ("integer", "number"),
    "float4": ("number",),
    "float8": ("number",),
    "numeric": ("number",),
    "uuid": ("string:uuid",),
    "timestamptz": ("string:date-time",),
    "timestamp": ("string:date-time",),
    "date": ("string:date",),
    "time": ("string:time",),
    "timetz": ("string:time",),
    "interval": ("string:duration",),
    "bytea": ("string:binary", "string:base64url"),
    "inet": (*ADDRESSES, "string:ipvanyinterface"),
    "cidr": ("string:ipv4network", "string:ipv6network", "string:ipvanynetwork"),
    "record": ("array",),
}
"""JSON Schema types, with a format where that tells them apart, that take a value of each Postgres type as it is read.

Every type that is not here, an enum or one of an extension, is read as a text; json and jsonb as what they hold.
"""
JSON = frozenset({"json", "jsonb"})
SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})
SAMPLES: Mapping[str, object] = {
    "bool": True,
    "int2": 1,
    "int4": 1,
    "int8": 1,
    "oid": 1,
    "float4": 1.0,
    "float8": 1.0,
    "numeric": Decimal(1),
    "uuid": UUID(int=1),
    "timestamptz": datetime(2027, 1, 15, 12, tzinfo=UTC),
    "timestamp": datetime(2027, 1, 15, 12),
    "date": date(2027, 1, 15),
    "time": time(12),
    "timetz": time(12, tzinfo=UTC),
    "interval": timedelta(hours=1),
    "bytea": b"a",
    "inet": ip_address("192.0.2.1"),
    "json": {},
    "jsonb": {},
}
"""A value of each type as it is read, to try a field whose class has no schema."""
RANGES = "R"
LISTED = re.compile(r"= ANY \(+ARRAY\[(?P<list>[^\]]*)\]")
LITERAL = re.compile(r"'((?:[^']|'')*)'")

Note = Callable[[str], None]


def look(facts: Facts) -> Iterator[Problem]:
    for query, description in facts.descriptions.items():
        if description.refusal or query.kind == "none":
            continue
        file, line = facts.place_of(query)

        def note(text: str, place: str = f"{file}:{line} {query.name}") -> None:
            facts.note(f"{place}: {text}")

        for message in mismatches(query.row, description.columns, note, compared(query.sql)):
            yield Problem(file, line, query.name, message)


def compared(sql: str) -> frozenset[str]:
    """Names of the columns that a statement compares with something, so that not all of their values come back."""
    try:
        nodes = list(walk(parse(sql)))
    except ParseError:
        return frozenset()
    sides = [side for node in nodes if isinstance(node, ast.A_Expr) for side in (node.lexpr, node.rexpr)]
    fields: list[Any] = [side.fields for side in sides if isinstance(side, ast.ColumnRef)]
    return frozenset(str(field[-1].sval) for field in fields if isinstance(field[-1], ast.String))


def mismatches(
    row: type | None,
    columns: tuple[ResultColumn, ...],
    note: Note = lambda text: None,
    narrowed: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """What does not fit, a message each. `note` is told what cannot be compared; `narrowed` as `compared` says."""
    if not columns:
        yield "it returns no columns, though it is declared to return rows"
        return
    names = [column.name for column in columns]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        yield f"column {', '.join(doubled)} is returned twice; name one of them with `as`"
    if row is None:
        return
    try:
        known = RowClass(row)
    except UnreadableRowError as reason:
        note(f"its columns cannot be compared with {row.__name__}: {reason}")
        return
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        yield f"{row.__name__} cannot be made of a row: {str(error).partition(chr(10))[0]}"
        return
    extra = [name for name in names if known.field(name) is None]
    missing = [field.name for field in known.fields if field.required and not set(field.keys) & set(names)]
    if extra and known.forbids_extra:
        yield f"column {', '.join(extra)} is no field of {known.name}"
    if missing:
        yield f"{known.name} needs {', '.join(missing)}, which it does not return"
    for column in columns:
        field = known.field(column.name)
        if field is not None:
            yield from _misfit(known, field, column, note, narrowed)


def _misfit(row: RowClass, field: Field, column: ResultColumn, note: Note, narrowed: frozenset[str]) -> Iterator[str]:
    target = f"{row.name}.{field.name}"
    if field.remade:
        note(f"{column.name} cannot be compared with {target}: a validator of its own sees the value first")
    elif field.schema is None:
        yield from _tried(row, column, target, note)
    else:
        takes = accepted(field.schema, row.definitions)
        if column.nullable and not takes & {"null", "any"}:
            yield f"{column.name} may be null, but {target} takes no None"
        if "any" not in takes:
            yield from _other_type(column, target, takes, field.schema, row.definitions)
            if column.type in {"timestamp", "timestamptz"} and "string:date-time" in takes:
                yield from _misplaced_time(row, column, target)
        if column.name not in narrowed:
            yield from _other_values(column, target, only_values(field.schema, row.definitions))


def _other_type(
    column: ResultColumn, target: str, takes: frozenset[str], field: Schema, definitions: Schema
) -> Iterator[str]:
    kinds = " or ".join(sorted(takes - {"null"})) or "nothing"
    if column.type in JSON:
        if column.column is not None and takes <= SCALARS:
            yield f"{column.name} is {column.type}, but {target} takes {kinds}"
    elif column.category == "A":
        if "array" not in takes:
            yield f"{column.name} is {column.type}, but {target} takes {kinds}"
            return
        lists = [option for option in options(field, definitions) if option.get("type") == "array"]
        items = [accepted(each["items"], definitions) for each in lists if isinstance(each.get("items"), dict)]
        wanted = frozenset().union(*items)
        if column.element and items and "any" not in wanted and wanted.isdisjoint(fitting(column.element)):
            of = " or ".join(sorted(wanted - {"null"}))
            yield f"{column.name} is an array of {column.element}, but {target} takes an array of {of}"
    elif column.category == RANGES:
        yield f"{column.name} is {column.type}, which no field takes; select its lower() and upper()"
    elif takes.isdisjoint(fitting(column.type)):
        yield f"{column.name} is {column.type}, but {target} takes {kinds}"


def fitting(type_name: str) -> frozenset[str]:
    """What takes a value of a Postgres type."""
    if type_name in JSON:
        return SCALARS | {"object", "array"}
    return frozenset(TYPES.get(type_name, ("string",)))


def _misplaced_time(row: RowClass, column: ResultColumn, target: str) -> Iterator[str]:
    said = row.complaints(column.name, SAMPLES[column.type]) & MISPLACED_TIME
    if "timezone_aware" in said:
        yield f"{column.name} is {column.type}, without a zone, but {target} takes a time with one; make it timestamptz"
    elif said:
        yield f"{column.name} is {column.type}, with a zone, but {target} takes a time without one"


def _other_values(column: ResultColumn, target: str, taken: frozenset[str] | None) -> Iterator[str]:
    """Values of an enum, or of a `check (column in (…))`, that a Literal or Enum leaves out."""
    values = column.labels if column.category == "E" else _checked(column.checks)
    missing = [value for value in values if taken is not None and value not in taken]
    if missing:
        yield f"{column.name} may be {', '.join(map(repr, missing))}, which {target} does not take"


def _checked(checks: tuple[str, ...]) -> tuple[str, ...]:
    for definition in checks:
        found = LISTED.search(definition)
        if found and " OR " not in definition:
            return tuple(value.replace("''", "'") for value in LITERAL.findall(found["list"]))
    return ()


def _tried(row: RowClass, column: ResultColumn, target: str, note: Note) -> Iterator[str]:
    """A field whose type no schema can say is given a value and asked whether it takes its kind."""
    sample: object = [] if column.category == "A" else SAMPLES.get(column.type, "a")
    if column.category == RANGES:
        note(f"{column.name}, a {column.type}, cannot be compared with {target}: its type has no schema")
        return
    if row.complaints(column.name, sample):
        yield f"{column.name} is {column.type}, which {target} does not take"
    if column.nullable and row.complaints(column.name, None):
        yield f"{column.name} may be null, but {target} takes no None"


RULE = Rule(
    id="database/query-row-mismatch",
    looks_for="A query whose result, as the server describes it, does not fit the row class after its arrow, be it a "
    "contract or a job's payload: a column without a field, a required field without a column (aliases count), a type "
    "the field does not take, down to the elements of an array, a value of an enum or a checked list that a Literal "
    "leaves out, a column that may be null for a field that may not.",
    why="The row class is validated when the first such row is read, so a mismatch is a 500 for whoever owns that "
    "row. Whether a column may be null is read from the statement: outer joins, conditions, aggregates, expressions. "
    "What cannot be compared is told at the end of the report.",
    fix="select the columns the class names, or change the class with the contract's compatibility in mind",
    look=look,
)
