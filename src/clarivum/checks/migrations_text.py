"""Where in the migrations a table, policy or index was made: file and line of the statement. For the place of findings.

What is true of a table is asked of the catalog; the text only says where to look.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import FunctionParameterMode
from pglast.parser import ParseError

from clarivum.checks.sources import shown


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, relative to the application's root."""

    file: str
    line: int


def read_places(folder: Path, root: Path) -> Mapping[str, Place]:
    """Places by `table public.leads`, `policy public.leads.leads_read`, `view public.recent`,
    `default privileges public`, `function public.f/2` (it has two input arguments); of things made twice, the last.
    """
    places: dict[str, Place] = {}
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            statements: Any = parse_sql(text)
        except ParseError:
            continue  # the scratch database refuses it, with its place
        for raw in statements:
            line = text.count("\n", 0, raw.stmt_location or 0) + 1
            for name in _names(raw.stmt):
                places[name] = Place(shown(path, root), line)
    return places


def place_of_table(places: Mapping[str, Place], qualified: str) -> Place:
    """Where a table was made; the folder itself when no migration says so."""
    return places.get(f"table {qualified}", Place("supabase/migrations", 1))


def _names(statement: Any) -> Iterator[str]:
    if isinstance(statement, ast.CreateStmt):
        yield f"table {_qualified(statement.relation)}"
    elif isinstance(statement, ast.CreateTableAsStmt):
        into: Any = statement.into
        yield f"table {_qualified(into.rel)}"
    elif isinstance(statement, ast.CreateForeignTableStmt):
        created: Any = statement.base
        yield f"table {_qualified(created.relation)}"
    elif isinstance(statement, ast.ViewStmt):
        yield f"view {_qualified(statement.view)}"
    elif isinstance(statement, ast.CreateFunctionStmt):
        yield f"function {_path(statement.funcname)}/{_inputs(statement)}"
    elif isinstance(statement, ast.AlterDefaultPrivilegesStmt):
        yield from (f"default privileges {schema}" for schema in _schemas(statement))
    elif isinstance(statement, ast.CreatePolicyStmt):
        yield f"policy {_qualified(statement.table)}.{statement.policy_name}"
    elif isinstance(statement, ast.IndexStmt):
        yield f"index {_qualified(statement.relation)}.{statement.idxname}"
    elif isinstance(statement, ast.RenameStmt) and isinstance(statement.relation, ast.RangeVar):
        yield f"table {statement.relation.schemaname or 'public'}.{statement.newname}"


def _qualified(relation: Any) -> str:
    return f"{relation.schemaname or 'public'}.{relation.relname}"


def _path(names: Any) -> str:
    parts = [name.sval for name in names]
    return ".".join(parts if len(parts) > 1 else ["public", *parts])


def _inputs(statement: Any) -> int:
    """How many arguments a caller gives a function: neither OUT nor the columns of RETURNS TABLE."""
    outward = {FunctionParameterMode.FUNC_PARAM_OUT, FunctionParameterMode.FUNC_PARAM_TABLE}
    return sum(parameter.mode not in outward for parameter in statement.parameters or ())


def _schemas(statement: Any) -> Iterator[str]:
    """The schemas that default privileges are changed in; an empty name for all of them."""
    listed = [option.arg for option in statement.options or () if option.defname == "schemas"]
    yield from (schema.sval for schemas in listed for schema in schemas) if listed else ("",)
