"""Statements that Postgres runs outside a transaction only, and how a second run after a crash converges.

Before such a statement a note is written, in the same schema as the history. A run that finds the note knows that an
object of that name is its own: what is half done is removed or finished, what is done is kept.
"""

import psycopg
from pglast import ast
from psycopg import sql

from clarivum.database.migrations import history

LEFT_BY_REINDEX = "_cc(new|old)[0-9]*$"


def waits_beside_traffic(node: ast.Node) -> bool:
    """Whether the statement is a CONCURRENTLY form, which nobody who reads or writes queues behind while it waits."""
    match node:
        case ast.IndexStmt(concurrent=True) | ast.DropStmt(concurrent=True):
            return True
        case ast.ReindexStmt(params=params):
            return any(item.defname == "concurrently" for item in params or ())
        case ast.AlterTableStmt(cmds=commands):
            return any(getattr(command.def_, "concurrent", False) for command in commands or ())
        case _:
            return False


def begin_or_resume(connection: psycopg.Connection, version: str, node: ast.Node) -> bool:
    """Write the note; where an earlier run was cut off, tidy up after it.

    Returns False when that run had finished the statement, so that only its history row is missing.
    """
    if connection.execute(history.BEGIN_NOTE, (version,)).fetchone() is not None:
        return True
    match node:
        case ast.IndexStmt(idxname=str(name), relation=ast.RangeVar(schemaname=schema)):
            _drop_if_invalid(connection, schema, name)
            return _index(connection, schema, name) is None
        case ast.DropStmt(objects=tuple(objects)):
            return any(_index(connection, *_qualified(item)) is not None for item in objects)
        case ast.AlterTableStmt() if (partition := _detached(node)) is not None:
            return not _finish_detaching(connection, partition)
        case _:
            _drop_left_by_reindex(connection, node)
            return True


def forget(connection: psycopg.Connection, version: str, node: ast.Node) -> None:
    """After a statement that failed, rather than being cut off: leave neither its remains nor the note.

    The note of a partition that is half detached stays: what is left is to finalize it, and that waits for the same
    transactions as the statement did; the next push does it.
    """
    match node:
        case ast.AlterTableStmt() if (partition := _detached(node)) is not None:
            if (parent := _parent(connection, partition)) is not None and parent[1]:
                return
        case ast.IndexStmt(idxname=str(name), relation=ast.RangeVar(schemaname=schema)):
            _drop_if_invalid(connection, schema, name)
        case _:
            _drop_left_by_reindex(connection, node)
    connection.execute(history.END_NOTE, (version,))


def _drop_if_invalid(connection: psycopg.Connection, schema: str | None, name: str) -> None:
    found = _index(connection, schema, name)
    if found is not None and not found[1]:
        connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(*found[0])))


def _index(connection: psycopg.Connection, schema: str | None, name: str) -> tuple[tuple[str, str], bool] | None:
    """((schema, name), is valid), found by search_path when no schema is given."""
    row = connection.execute(
        "select n.nspname, c.relname, i.indisvalid and i.indisready from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace join pg_index i on i.indexrelid = c.oid"
        " where c.relname = %(name)s and case when %(schema)s::text is null then pg_table_is_visible(c.oid)"
        "  else n.nspname = %(schema)s end",
        {"name": name, "schema": schema},
    ).fetchone()
    return None if row is None else ((row[0], row[1]), row[2])


def _qualified(item: tuple[ast.String, ...]) -> tuple[str | None, str]:
    parts = [part.sval or "" for part in item]
    return (parts[-2] if len(parts) > 1 else None, parts[-1])


def _detached(node: ast.Node) -> ast.RangeVar | None:
    """The partition of ALTER TABLE … DETACH PARTITION."""
    match node:
        case ast.AlterTableStmt(cmds=(ast.AlterTableCmd(def_=ast.PartitionCmd(name=ast.RangeVar() as partition)), *_)):
            return partition
        case _:
            return None


def _finish_detaching(connection: psycopg.Connection, partition: ast.RangeVar) -> bool:
    """DETACH PARTITION CONCURRENTLY that was cut off waits to be finalized. Whether the partition is detached now."""
    parent = _parent(connection, partition)
    if parent is None:
        return True
    name, is_pending = parent
    if is_pending:
        connection.execute(
            sql.SQL("alter table {} detach partition {} finalize").format(sql.SQL(name), _identifier(partition))
        )
    return is_pending


def _parent(connection: psycopg.Connection, partition: ast.RangeVar) -> tuple[str, bool] | None:
    """(what it is a partition of, quoted; whether it is half detached), None when it is no partition."""
    return connection.execute(
        "select inhparent::regclass::text, inhdetachpending from pg_inherits where inhrelid = to_regclass(%s)",
        (_identifier(partition).as_string(connection),),
    ).fetchone()


def _identifier(relation: ast.RangeVar) -> sql.Identifier:
    return sql.Identifier(*filter(None, (relation.schemaname, relation.relname)))


def _drop_left_by_reindex(connection: psycopg.Connection, node: ast.Node) -> None:
    """REINDEX CONCURRENTLY builds `<name>_ccnew` beside the index and leaves it, invalid, when it is cut off."""
    match node:
        case ast.ReindexStmt(relation=ast.RangeVar(schemaname=schema, relname=str(relation))):
            target = sql.Identifier(*filter(None, (schema, relation))).as_string(connection)
        case _:
            return
    rows = connection.execute(
        "select n.nspname, c.relname from pg_index i join pg_class c on c.oid = i.indexrelid"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where not i.indisvalid and c.relname ~ %(left)s and i.indrelid in"
        "  (select %(target)s::regclass union select indrelid from pg_index where indexrelid = %(target)s::regclass)",
        {"left": LEFT_BY_REINDEX, "target": target},
    ).fetchall()
    for names in rows:
        connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(*names)))
