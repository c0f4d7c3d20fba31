"""Statements that Postgres runs outside a transaction only, and how a second run after a crash converges."""

import psycopg
from pglast import ast
from psycopg import sql

NOTE = (
    "insert into supabase_migrations.clarivum_unfinished (version) values (%s) on conflict do nothing returning version"
)


def prepare_rerun(connection: psycopg.Connection, version: str, node: ast.Node) -> bool:
    """Note that the migration is begun; where an earlier run was cut off, tidy up after it.

    Returns False when that run had in fact finished the statement, so that only the history row is missing.
    """
    first_time = connection.execute(NOTE, (version,)).fetchone() is not None
    if first_time:
        return True
    match node:
        case ast.IndexStmt(idxname=name, relation=relation) if name:
            return not _settled_index(connection, relation.schemaname, name)
        case ast.DropStmt(objects=objects):
            return any(_index(connection, *_names(item)) is not None for item in objects)
        case ast.ReindexStmt():
            _drop_leftovers_of_reindex(connection)
    return True


def _settled_index(connection: psycopg.Connection, schema: str | None, name: str) -> bool:
    """Whether the index stands and is valid; an invalid one, left over by the crash, is dropped."""
    found = _index(connection, schema, name)
    if found is None:
        return False
    qualified, valid = found
    if not valid:
        connection.execute(sql.SQL("drop index concurrently {}").format(sql.Identifier(*qualified)))
    return valid


def _index(connection: psycopg.Connection, schema: str | None, name: str) -> tuple[tuple[str, str], bool] | None:
    row = connection.execute(
        "select n.nspname, c.relname, i.indisvalid and i.indisready from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace join pg_index i on i.indexrelid = c.oid"
        " where c.relname = %s and case when %s::text is null then pg_table_is_visible(c.oid) else n.nspname = %s end",
        (name, schema, schema),
    ).fetchone()
    return None if row is None else ((row[0], row[1]), row[2])


def _names(item: tuple[ast.String, ...]) -> tuple[str | None, str]:
    """(schema, name) of a possibly qualified name."""
    parts = [part.sval for part in item]
    return (parts[-2] if len(parts) > 1 else None, parts[-1])


def _drop_leftovers_of_reindex(connection: psycopg.Connection) -> None:
    """REINDEX CONCURRENTLY builds `<name>_ccnew` beside the old index and leaves it, invalid, when it is cut off."""
    rows = connection.execute(
        "select n.nspname, c.relname from pg_index i join pg_class c on c.oid = i.indexrelid"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'"
    ).fetchall()
    for schema, name in rows:
        connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(schema, name)))
