"""Results to Python: psycopg's C loaders per column type, then rows as dicts or as validated instances of a class.

A decoder is compiled once per prepared statement. Text format throughout: measured on 10 rows of 8 columns it is as
fast as binary. Types: uuid → UUID, timestamptz → aware datetime in UTC, json and jsonb → Python, numeric → Decimal,
arrays → list; a type psycopg does not know (an enum of ours) → str.
"""

import json
from typing import Any

import orjson
from psycopg import postgres
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader, Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGresult
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from clarivum.database.queries import Query
from clarivum.errors import INTERNAL, RequestError


class JsonLoader(Loader):
    """orjson in place of the standard library: 0.2 µs instead of 3 µs for a small document."""

    def load(self, data: Buffer) -> Any:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            return json.loads(bytes(data))  # numbers beyond a double, which jsonb holds


class _Adaptation:
    """What a Transformer wants to know of its surroundings: our loaders, and no connection, so UTC and UTF-8."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(postgres.adapters)
        self.adapters.register_loader("json", JsonLoader)
        self.adapters.register_loader("jsonb", JsonLoader)


ADAPTATION = _Adaptation()
_VALIDATORS: dict[type, Any] = {}


class RowDecoder:
    """Turns results with the columns of the one it was compiled from into rows."""

    __slots__ = ("_names", "_query", "_transformer", "_validator")

    def __init__(self, query: Query, result: PGresult) -> None:
        columns = range(result.nfields)
        self._query = query
        self._names = [(result.fname(column) or b"").decode() for column in columns]
        if len(set(self._names)) != len(self._names):
            raise RequestError("a query is faulty", log=f"{query.where}: two columns have one name; rename with `as`")
        self._transformer = Transformer(ADAPTATION)
        self._transformer.set_loader_types([result.ftype(column) for column in columns], Format.TEXT)
        self._validator = None if query.row is None else list_validator(query.row)

    def rows(self, result: PGresult) -> list[Any]:
        """All rows. Raises RequestError (internal) when one does not fit the row class; its log names fields only."""
        names = self._names
        if result.nfields != len(names):  # psycopg's C loop does not check
            raise RequestError(INTERNAL.title, log=f"{self._query.where}: the columns are not the prepared ones")
        transformer = self._transformer
        transformer.set_pgresult(result, set_loaders=False)
        values = transformer.load_rows(0, result.ntuples, tuple)
        transformer.set_pgresult(None, set_loaders=False)
        rows = [dict(zip(names, row)) for row in values]  # noqa: B905 (one name per column by construction)
        if self._validator is None:
            return rows
        try:
            validated: list[Any] = self._validator(rows)
        except ValidationError as error:
            raise RequestError("stored data does not fit its contract", log=self._explain(error)) from None
        return validated

    def _explain(self, error: ValidationError) -> str:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        fields = sorted(
            {f"{'.'.join(str(part) for part in problem['loc'][1:])} ({problem['type']})" for problem in problems}
        )
        row = self._query.row
        return f"{self._query.where}: rows do not fit {row.__name__ if row else ''}: {', '.join(fields)}"


def list_validator(row: type) -> Any:
    """`validate_python` of `list[row]`, built once per class."""
    found = _VALIDATORS.get(row)
    if found is None:
        adapter: TypeAdapter[Any] = TypeAdapter(list[row])  # type: ignore[valid-type]
        found = _VALIDATORS[row] = _validate_function(adapter)
    return found


def _validate_function(adapter: TypeAdapter[Any]) -> Any:
    validator = adapter.validator
    return validator.validate_python if isinstance(validator, SchemaValidator) else adapter.validate_python
