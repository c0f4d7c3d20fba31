"""A query whose columns do not fit the contract it feeds."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.database.planning import ResultColumn

Schema = Mapping[str, Any]

TYPES: Mapping[str, tuple[str, ...]] = {
    "bool": ("boolean",),
    "int2": ("integer", "number"),
    "int4": ("integer", "number"),
    "int8": ("integer", "number"),
    "float4": ("number",),
    "float8": ("number",),
    "numeric": ("number", "string"),
    "text": ("string",),
    "varchar": ("string",),
    "bpchar": ("string",),
    "citext": ("string",),
    "name": ("string",),
    "uuid": ("string:uuid",),
    "timestamptz": ("string:date-time",),
    "timestamp": ("string:date-time",),
    "date": ("string:date",),
    "time": ("string:time",),
    "interval": ("string:duration",),
    "bytea": ("string:binary", "string:base64url"),
}
"""JSON Schema types, with a format where that tells them apart, that take a value of each Postgres type."""
FORMATS = frozenset({"uuid", "date-time", "date", "time", "duration", "binary"})
"""Formats that stand for a Python type of their own; others, such as `email`, are texts."""


def look(facts: Facts) -> Iterator[Problem]:
    for query, description in facts.descriptions.items():
        if description.refusal or query.kind == "none":
            continue
        file, line = facts.place_of(query)
        for message in mismatches(query.row, description.columns):
            yield Problem(file, line, query.name, message)


def mismatches(row: type | None, columns: tuple[ResultColumn, ...]) -> Iterator[str]:
    if not columns:
        yield "it returns no columns, though it is declared to return rows"
        return
    names = [column.name for column in columns]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        yield f"column {', '.join(doubled)} is returned twice; name one of them with `as`"
    if row is None or not issubclass(row, BaseModel):
        return
    fields = row.model_fields
    extra = [name for name in names if name not in fields]
    missing = [name for name, field in fields.items() if field.is_required() and name not in names]
    if extra and row.model_config.get("extra") == "forbid":
        yield f"column {', '.join(extra)} is no field of {row.__name__}"
    if missing:
        yield f"{row.__name__} needs {', '.join(missing)}, which it does not return"
    try:
        schema = row.model_json_schema()
    except PydanticInvalidForJsonSchema:
        return
    for column in columns:
        if column.name in fields:
            yield from _misfit(row.__name__, column, schema["properties"].get(column.name, {}), schema)


def _misfit(row: str, column: ResultColumn, field: Schema, schema: Schema) -> Iterator[str]:
    accepted = set(_accepted(field, schema))
    if "any" in accepted:
        return
    if column.nullable and "null" not in accepted:
        yield f"{column.name} may be null, but {row}.{column.name} takes no None"
    fitting = TYPES.get(column.type, ("string",) if column.category == "E" else ())
    if column.category == "A":
        fitting = ("array",)
    if fitting and accepted.isdisjoint(fitting):
        kinds = " or ".join(sorted(accepted - {"null"})) or "nothing"
        yield f"{column.name} is {column.type}, but {row}.{column.name} takes {kinds}"


def _accepted(field: Schema, schema: Schema) -> Iterator[str]:
    """What a field takes: JSON types, `string` with its format after a colon where that is another Python type."""
    if "$ref" in field:
        yield from _accepted(schema["$defs"][field["$ref"].rpartition("/")[2]], schema)
    elif "anyOf" in field or "oneOf" in field:
        for option in field.get("anyOf") or field["oneOf"]:
            yield from _accepted(option, schema)
    elif "const" in field or "enum" in field:
        for value in field.get("enum", [field.get("const")]):
            yield {str: "string", bool: "boolean", int: "integer", type(None): "null"}.get(type(value), "any")
    elif "type" in field:
        form = field.get("format", "")
        yield f"string:{form}" if field["type"] == "string" and form in FORMATS else str(field["type"])
    else:
        yield "any"


RULE = Rule(
    id="database/query-row-mismatch",
    looks_for="A query whose result, as the server describes it, does not fit the row class after its arrow: a "
    "column without a field, a required field without a column, a type the field does not take, a column that may "
    "be null for a field that may not.",
    why="The row class is validated when the first such row is read, so a mismatch is a 500 for whoever owns that "
    "row. Nullability is judged only where the server can tell.",
    fix="select the columns the class names, or change the class with the contract's compatibility in mind",
    look=look,
)
