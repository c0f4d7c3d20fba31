"""Make the empty tables of a throwaway database look as large as in production, to the planner.

The planner multiplies a table's density (pg_class.reltuples / relpages) by the *real* size of its file, so
statistics alone change nothing: the files are extended too, by sparse zero pages that take no space. Zero pages are
valid pages, with data checksums as without; nothing ever reads them, since statements are only explained. Needs the
server's own disk and a superuser, and must never be done to a database somebody uses."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from clarivum.database.planning.assumptions import (
    PAGE_BYTES,
    Known,
    Statistics,
    index_pages,
    statistics,
    table_pages,
)
from clarivum.database.planning.catalog import Catalog, Column, Index, Table
from clarivum.database.planning.conditions import conjuncts

SEGMENT_BYTES = 1 << 30
SET_SIZE = "update pg_class set relpages = %s, reltuples = %s, relallvisible = %s where oid = %s::oid"
BUILT_INDEXES = """
    select c.oid::bigint, i.indrelid::bigint, c.relname, pg_relation_filepath(c.oid),
        array(select a.attlen from pg_attribute a where a.attrelid = c.oid order by a.attnum)
    from pg_class c join pg_index i on i.indexrelid = c.oid
    where c.relkind = 'i'
        and (c.oid = %s::regclass or c.oid in (select relid from pg_partition_tree(%s::regclass)))"""
SET_STATISTICS = """
    insert into pg_statistic (starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
        stakind1, stakind2, stakind3, stakind4, stakind5, staop1, staop2, staop3, staop4, staop5,
        stacoll1, stacoll2, stacoll3, stacoll4, stacoll5)
    values (%s, %s, false, %s, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"""


class Inflation:
    """The files of one database. `connection` is a superuser's, in that database."""

    def __init__(self, connection: psycopg.Connection) -> None:
        row = connection.execute("show data_directory").fetchone()
        assert row is not None
        self._directory = Path(row[0])
        self._owner = self._directory.stat()
        self._tables: dict[int, tuple[Path, int]] = {}
        """File and pages of each table, by its oid."""

    def inflate(self, connection: psycopg.Connection, catalog: Catalog) -> None:
        """Give every table and index of the catalog its size, and the planner what is assumed of their columns."""
        for table in catalog.tables:
            if table.kind != "p":
                self._size(connection, table)
                connection.execute("delete from pg_statistic where starelid = %s::oid", [table.oid])
                for told in assumed_statistics(table, catalog):
                    values = (table.oid, told.number, told.null_share, told.width_bytes, told.distinct)
                    connection.execute(SET_STATISTICS, values)

    @contextmanager
    def with_index(
        self, connection: psycopg.Connection, tables: Sequence[Table], ddl: str, index: str
    ) -> Iterator[tuple[tuple[int, str], ...]]:
        """Have one more index for the block: of one table, or of a partitioned one whose rows `tables` hold.

        `index` is its name as `ddl` has it, with its schema. Yields each index that was built, as its table's oid and
        its name. The tables' files are cut back to nothing first, so that building reads no pages. `connection` is used
        for this alone: a session that has seen a file at its full length would remember it. Raises psycopg.Error when
        the DDL is refused.
        """
        for table in tables:
            self._resize(self._tables[table.oid][0], 0)
        try:
            connection.execute(ddl.encode())
        finally:
            for path, pages in (self._tables[table.oid] for table in tables):
                self._resize(path, pages * PAGE_BYTES)
        try:
            built = connection.execute(BUILT_INDEXES, [index, index]).fetchall()
            rows = {table.oid: table.rows for table in tables}
            sizes = []
            for oid, on, _, file, widths in built:
                pages, of_index = self._tables[on][1], index_pages(widths, rows[on])
                self._resize(self._directory / file, of_index * PAGE_BYTES)
                # Building it counted the rows of the empty table, and said so in pg_class.
                sizes += [(pages, rows[on], pages, on), (of_index, rows[on], 0, oid)]
            connection.cursor().executemany(SET_SIZE, sizes)
            yield tuple((on, built_name) for _, on, built_name, _, _ in built)
        finally:
            connection.execute(f"drop index {index}".encode())

    def _size(self, connection: psycopg.Connection, table: Table) -> None:
        pages = table_pages([column.width_bytes for column in table.columns], table.rows)
        self._tables[table.oid] = (self._path(connection, table.oid), pages)
        self._resize(self._tables[table.oid][0], pages * PAGE_BYTES)
        sizes = [(pages, table.rows, pages, table.oid)]
        for index in table.indexes:
            of_index = index_pages(index.widths_bytes, table.rows)
            self._resize(self._path(connection, index.oid), of_index * PAGE_BYTES)
            sizes.append((of_index, table.rows, 0, index.oid))
        connection.cursor().executemany(SET_SIZE, sizes)

    def _path(self, connection: psycopg.Connection, oid: int) -> Path:
        row = connection.execute("select pg_relation_filepath(%s::oid)", [oid]).fetchone()
        assert row is not None
        return self._directory / str(row[0])

    def _resize(self, path: Path, size_bytes: int) -> None:
        """Make a relation's file, in segments of 1 GiB, that long; new ones belong to the directory's owner."""
        segment = 0
        while True:
            file = path if segment == 0 else path.with_name(f"{path.name}.{segment}")
            length = min(SEGMENT_BYTES, max(0, size_bytes - segment * SEGMENT_BYTES))
            if length == 0 and segment > 0:
                if not file.exists():
                    return
                file.unlink()
            else:
                descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                os.ftruncate(descriptor, length)
                if os.geteuid() == 0:
                    os.fchown(descriptor, self._owner.st_uid, self._owner.st_gid)
                os.close(descriptor)
            segment += 1


def assumed_statistics(table: Table, catalog: Catalog) -> Iterator[Statistics]:
    """What the planner is told of a table's columns; see assumptions.py."""
    for column in table.columns:
        told = statistics(_known(column, table, catalog), table.rows)
        if told is not None:
            yield told


def _known(column: Column, table: Table, catalog: Catalog) -> Known:
    referenced = [
        other.rows
        for key in table.foreign_keys
        if key.columns == (column.name,) and (other := catalog.table(key.references)) is not None
    ]
    return Known(
        number=column.number,
        width_bytes=column.width_bytes,
        comment=_comment(column.name, table, catalog),
        enum_labels=column.enum_labels,
        checks=tuple(definition for name, definition in table.checks if name == column.name),
        references_rows=min(referenced) if referenced else None,
        null_in_index=column.nullable and any(_wants_null(index, column) for index in table.indexes),
    )


def _wants_null(index: Index, column: Column) -> bool:
    """Whether an index holds only rows in which a column is null."""
    parts = conjuncts(index.predicate, "")
    return any(part.columns == (column.name,) and part.sql.endswith(" IS NULL") for part in parts)


def _comment(column: str, table: Table, catalog: Catalog) -> str:
    """A column's comment; a partition's without one is that of the partitioned table."""
    found = table.column(column)
    above = catalog.table(table.partition_of) if table.partition_of else None
    if found is not None and found.comment:
        return found.comment
    return _comment(column, above, catalog) if above is not None else ""
