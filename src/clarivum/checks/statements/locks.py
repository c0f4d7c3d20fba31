"""Which table locks a statement takes and how long it holds them: statement kind to mode and duration class. Pure.

Sources: PostgreSQL's manual, section 13.3 "Explicit Locking" (which command takes which mode, which modes conflict) and
the reference pages of the commands. tests/integration/checks/test_locks.py runs statements of each kind on a server and
compares with pg_locks.

A lock is held until the migration's transaction ends, so a file's longest statement counts for all its locks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType, ObjectType, ReindexObjectType

from clarivum.checks.statements.altering import locks_of_change
from clarivum.checks.statements.lock_modes import Duration, Lock, Mode
from clarivum.checks.statements.naming import of_relation, of_words, relations_within
from clarivum.checks.statements.standing import Names
from clarivum.checks.statements.touching import ON_TABLES

INSTANT, ROWS, SCAN, REWRITE = Duration.INSTANT, Duration.ROWS, Duration.SCAN, Duration.REWRITE
CONCURRENTLY = "create index concurrently, in a file of its own"
ON_PARTITIONS = "create it on only the table, one concurrently on each partition, and attach these"
DROP_CONCURRENTLY = "drop index concurrently, in a file of its own"


def locks_of(node: Any, names: Names) -> tuple[Lock, ...]:
    """The locks of a statement itself on tables that stood before it: the strongest and longest on each.

    `names` is what stands before it. Statements that lock no such table (GRANT, CREATE FUNCTION, …) give none, and what
    stops nobody (ACCESS SHARE, ROW SHARE) is told of tables that the statement names, not of those behind them.
    """
    reader = READERS.get(type(node))
    return joined(reader(node, names)) if reader else ()


def joined(locks: Iterable[Lock]) -> tuple[Lock, ...]:
    """One lock for each table, of the strongest mode and the longest duration, in the order of the tables."""
    found: dict[str, Lock] = {}
    for lock in locks:
        other = found.get(lock.table, lock)
        advice = lock.advice if lock.duration >= other.duration else other.advice
        strongest, longest = max(lock.mode, other.mode), max(lock.duration, other.duration)
        found[lock.table] = Lock(lock.table, strongest, longest, advice or lock.advice or other.advice)
    return tuple(found.values())


def _on_relation(mode: Mode, duration: Duration) -> Callable[[Any, Names], Iterator[Lock]]:
    def read(node: Any, names: Names) -> Iterator[Lock]:
        yield Lock(of_relation(node.relation), mode, duration)

    return read


def _on_table(node: Any, names: Names) -> Iterator[Lock]:
    yield Lock(of_relation(node.table), Mode.ACCESS_EXCLUSIVE, INSTANT)


def _create_table(node: Any, names: Names) -> Iterator[Lock]:
    for element in node.tableElts or ():
        own = (element,) if isinstance(element, ast.Constraint) else getattr(element, "constraints", None) or ()
        for constraint in own:
            if constraint.contype == ConstrType.CONSTR_FOREIGN:
                referenced = of_relation(constraint.pktable)
                if referenced != of_relation(node.relation):
                    yield Lock(referenced, Mode.SHARE_ROW_EXCLUSIVE, INSTANT)
        if isinstance(element, ast.TableLikeClause):
            yield Lock(of_relation(element.relation), Mode.ACCESS_SHARE, INSTANT)
    for parent in node.inhRelations or ():
        mode = Mode.ACCESS_EXCLUSIVE if node.partbound else Mode.SHARE_UPDATE_EXCLUSIVE
        advice = "create it alone, then ATTACH PARTITION" if node.partbound else ""
        yield Lock(of_relation(parent), mode, INSTANT, advice)


def _alter_table(node: Any, names: Names) -> Iterator[Lock]:
    if node.objtype == ObjectType.OBJECT_INDEX:
        return
    table = of_relation(node.relation)
    for command in node.cmds or ():
        found = locks_of_change(table, command, names.types)
        at_once = names.partitioned.holds_at_once(table, command)
        yield from (replace(lock, advice="") if at_once else lock for lock in found)
        referenced = names.foreign_keys.get((table, command.name))
        if command.subtype == AlterTableType.AT_DropConstraint and referenced:
            yield Lock(referenced, Mode.ACCESS_EXCLUSIVE, INSTANT)


def _index(node: Any, names: Names) -> Iterator[Lock]:
    table = of_relation(node.relation)
    if table in names.partitioned.tables:
        alone = not node.relation.inh  # ON ONLY: nothing is built yet
        yield Lock(table, Mode.SHARE, INSTANT if alone else SCAN, "" if alone else ON_PARTITIONS)
        return
    mode = Mode.SHARE_UPDATE_EXCLUSIVE if node.concurrent else Mode.SHARE
    yield Lock(table, mode, SCAN, "" if node.concurrent else CONCURRENTLY)


def _drop(node: Any, names: Names) -> Iterator[Lock]:
    for each in node.objects or ():
        if node.removeType == ObjectType.OBJECT_INDEX:
            mode = Mode.SHARE_UPDATE_EXCLUSIVE if node.concurrent else Mode.ACCESS_EXCLUSIVE
            has_way = not node.concurrent and of_words(each) not in names.partitioned.indexes
            advice = DROP_CONCURRENTLY if has_way else ""
            yield Lock(names.table_of_index(of_words(each)), mode, INSTANT, advice)
        elif node.removeType in ON_TABLES:
            yield Lock(of_words(each[:-1]), Mode.ACCESS_EXCLUSIVE, INSTANT)
        elif node.removeType in {ObjectType.OBJECT_TABLE, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_MATVIEW}:
            # The triggers that held its foreign keys stand on the referenced tables and go as well.
            for table in (of_words(each), *names.referenced_by(of_words(each))):
                yield Lock(table, Mode.ACCESS_EXCLUSIVE, INSTANT)
        elif node.removeType == ObjectType.OBJECT_SCHEMA:
            yield from (Lock(table, Mode.ACCESS_EXCLUSIVE, INSTANT) for table in names.within(each.sval))


def _rename(node: Any, names: Names) -> Iterator[Lock]:
    if node.relation is not None and node.renameType != ObjectType.OBJECT_INDEX:
        yield Lock(of_relation(node.relation), Mode.ACCESS_EXCLUSIVE, INSTANT)


def _set_schema(node: Any, names: Names) -> Iterator[Lock]:
    if node.relation is not None:
        yield Lock(of_relation(node.relation), Mode.ACCESS_EXCLUSIVE, INSTANT)


def _comment(node: Any, names: Names) -> Iterator[Lock]:
    if node.objtype in {ObjectType.OBJECT_TABLE, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_MATVIEW}:
        yield Lock(of_words(node.object), Mode.SHARE_UPDATE_EXCLUSIVE, INSTANT)
    elif node.objtype == ObjectType.OBJECT_COLUMN:
        yield Lock(of_words(node.object[:-1]), Mode.SHARE_UPDATE_EXCLUSIVE, INSTANT)


def _truncate(node: Any, names: Names) -> Iterator[Lock]:
    yield from (Lock(of_relation(each), Mode.ACCESS_EXCLUSIVE, INSTANT) for each in node.relations)


def _lock(node: Any, names: Names) -> Iterator[Lock]:
    yield from (Lock(of_relation(each), Mode(node.mode), INSTANT) for each in node.relations)


def _vacuum(node: Any, names: Names) -> Iterator[Lock]:
    full = any(option.defname == "full" for option in node.options or ())
    mode, duration = (Mode.ACCESS_EXCLUSIVE, REWRITE) if full else (Mode.SHARE_UPDATE_EXCLUSIVE, SCAN)
    yield from (Lock(of_relation(each.relation), mode, duration) for each in node.rels or ())


def _reindex(node: Any, names: Names) -> Iterator[Lock]:
    if node.relation is None:
        return
    named = of_relation(node.relation)
    table = names.table_of_index(named) if node.kind == ReindexObjectType.REINDEX_OBJECT_INDEX else named
    concurrently = any(option.defname == "concurrently" for option in node.params or ())
    yield Lock(table, Mode.SHARE_UPDATE_EXCLUSIVE if concurrently else Mode.SHARE, SCAN)


def _refresh(node: Any, names: Names) -> Iterator[Lock]:
    mode = Mode.EXCLUSIVE if node.concurrent else Mode.ACCESS_EXCLUSIVE
    yield Lock(of_relation(node.relation), mode, REWRITE, "" if node.concurrent else "refresh … concurrently")


def _view(node: Any, names: Names) -> Iterator[Lock]:
    yield from (Lock(each, Mode.ACCESS_SHARE, INSTANT) for each in relations_within(node.query))


def _statistics(node: Any, names: Names) -> Iterator[Lock]:
    yield from (Lock(of_relation(each), Mode.SHARE_UPDATE_EXCLUSIVE, INSTANT) for each in node.relations or ())


def _write(node: Any, names: Names) -> Iterator[Lock]:
    own = of_relation(node.relation)
    yield Lock(own, Mode.ROW_EXCLUSIVE, ROWS)
    yield from (Lock(each, Mode.ACCESS_SHARE, ROWS) for each in relations_within(node) if each != own)


def _read(node: Any, names: Names) -> Iterator[Lock]:
    yield from (Lock(each, Mode.ACCESS_SHARE, ROWS) for each in relations_within(node))


def _copy(node: Any, names: Names) -> Iterator[Lock]:
    if node.relation is not None:
        yield Lock(of_relation(node.relation), Mode.ROW_EXCLUSIVE if node.is_from else Mode.ACCESS_SHARE, ROWS)


READERS: Mapping[type[Any], Callable[[Any, Names], Iterator[Lock]]] = {
    ast.CreateStmt: _create_table,
    ast.AlterTableStmt: _alter_table,
    ast.IndexStmt: _index,
    ast.DropStmt: _drop,
    ast.RenameStmt: _rename,
    ast.AlterObjectSchemaStmt: _set_schema,
    ast.CommentStmt: _comment,
    ast.CreatePolicyStmt: _on_table,
    ast.AlterPolicyStmt: _on_table,
    ast.CreateTrigStmt: _on_relation(Mode.SHARE_ROW_EXCLUSIVE, INSTANT),
    ast.RuleStmt: _on_relation(Mode.ACCESS_EXCLUSIVE, INSTANT),
    ast.ViewStmt: _view,
    ast.CreateStatsStmt: _statistics,
    ast.TruncateStmt: _truncate,
    ast.LockStmt: _lock,
    ast.VacuumStmt: _vacuum,
    ast.ClusterStmt: lambda node, names: (
        _on_relation(Mode.ACCESS_EXCLUSIVE, REWRITE)(node, names) if node.relation else iter(())
    ),
    ast.ReindexStmt: _reindex,
    ast.RefreshMatViewStmt: _refresh,
    ast.InsertStmt: _write,
    ast.UpdateStmt: _write,
    ast.DeleteStmt: _write,
    ast.MergeStmt: _write,
    ast.SelectStmt: _read,
    ast.CreateTableAsStmt: lambda node, names: _read(node.query, names),
    ast.CopyStmt: _copy,
}
