"""Rows that an application gives where none can be made up: `supabase/samples.sql`.

    -- Anything that a constraint alone does not tell. Run once per owner, from top to bottom.
    insert into public.orders (subject, lines)
    values (current_setting('sample.subject'), '[{"product": "insights"}]');

Plain SQL: one INSERT of one row per table, without RETURNING. `sample.subject` and `sample.email` are the owner's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pglast import ast, parse_sql
from pglast.parser import ParseError

from clarivum.errors import ConfigurationError

SAMPLES_FILE = "samples.sql"
RETURNING = re.compile(r"\breturning\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sample:
    """One INSERT, without its semicolon, and the columns that it names."""

    sql: str
    columns: tuple[str, ...]


def parse_samples(text: str, file: str) -> Mapping[str, Sample]:
    """The samples of a file by `schema.table`. Raises ConfigurationError naming `file` and the line."""
    try:
        statements: Any = parse_sql(text)
    except ParseError as error:
        raise ConfigurationError(f"{file} is not SQL: {error.args[0]}") from None
    found: dict[str, Sample] = {}
    for raw in statements:
        end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text)
        body = text[raw.stmt_location : end]
        line = text.count("\n", 0, end - len(body.lstrip())) + 1
        insert: Any = raw.stmt
        if not isinstance(insert, ast.InsertStmt) or not insert.cols or RETURNING.search(body):
            raise ConfigurationError(f"{file}:{line}: a sample is one INSERT with named columns, without RETURNING")
        into: Any = insert.relation
        table = f"{into.schemaname or 'public'}.{into.relname}"
        if table in found:
            raise ConfigurationError(f"{file}:{line}: {table} has a sample already")
        found[table] = Sample(body.strip(), tuple(str(target.name) for target in insert.cols))
    return found
