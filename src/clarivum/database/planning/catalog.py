"""What a database holds: tables, columns, policies, grants, indexes. Pure; `catalog_reading` asks a server for it.

Everything a check says about a table comes from here, not from the text of migrations: whatever way it came about, the
catalog is what Postgres acts on.
"""

from dataclasses import dataclass

from clarivum.database.planning.assumptions import DEFAULT_ROWS, declared_rows


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `width_bytes` is -1 for variable width; `enum_labels` 0 unless its type is an enum."""

    number: int
    name: str
    type: str
    width_bytes: int
    nullable: bool
    comment: str
    enum_labels: int
    identity: bool = False
    default: str = ""
    """As `pg_get_expr` prints it; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A row-level security policy; expressions as `pg_get_expr` prints them, empty when absent."""

    name: str
    command: str
    """select, insert, update, delete or all."""
    roles: tuple[str, ...]
    using: str
    check: str
    permissive: bool = True
    """Whether it lets rows through; a restrictive one only takes away from what others let through."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index; `keys` are its key columns or expressions, `order` what follows each (`desc`, …, or empty).

    `classes` are the operator class and collation of each key, `included` the columns it only carries. `backs` says
    what kind of constraint it enforces (`p`, `u`, `x`, or empty); `part_of` names the partitioned table's index that it
    is a partition's share of, as `schema.table.index`.
    """

    name: str
    keys: tuple[str, ...]
    order: tuple[str, ...]
    widths_bytes: tuple[int, ...]
    predicate: str
    unique: bool
    method: str
    oid: int
    primary: bool = False
    classes: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    backs: str = ""
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference from some columns to another table, named `schema.table`."""

    name: str
    columns: tuple[str, ...]
    references: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partitioned table or materialized view."""

    schema: str
    name: str
    oid: int
    kind: str
    """r, p or m, as in pg_class.relkind."""
    comment: str
    row_security: bool
    forced: bool
    columns: tuple[Column, ...]
    checks: tuple[tuple[str, str], ...]
    """Single-column check constraints: column and definition."""
    policies: tuple[Policy, ...]
    grants: tuple[tuple[str, str], ...]
    """Grantee and privilege, the owner's own left out; PUBLIC is `public`."""
    indexes: tuple[Index, ...]
    foreign_keys: tuple[ForeignKey, ...]
    partition_of: str = ""
    """The partitioned table that it is a partition of, as `schema.table`; empty when it is none."""
    share_of_rows: int | None = None
    """A partition's part of the rows of its partitioned table; None when it is no partition."""

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def rows(self) -> int:
        """Rows it is planned for: declared in its comment, else its share as a partition, else ten million."""
        declared = declared_rows(self.comment)
        if declared is not None:
            return declared
        return DEFAULT_ROWS if self.share_of_rows is None else self.share_of_rows

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The tables of the application's own schemas, and the queues of pgmq."""

    tables: tuple[Table, ...]
    queues: frozenset[str]

    def table(self, qualified: str) -> Table | None:
        return next((table for table in self.tables if table.qualified == qualified), None)

    def partitioned(self, table: Table) -> Table:
        """The table that a partition is one of, at the top; the table itself when it is none."""
        above = self.table(table.partition_of) if table.partition_of else None
        return table if above is None else self.partitioned(above)

    def files_of(self, table: Table) -> tuple[Table, ...]:
        """The tables that hold its rows: its partitions' partitions to the last, else itself."""
        if table.kind != "p":
            return (table,)
        parts = (each for each in self.tables if each.partition_of == table.qualified)
        return tuple(held for part in parts for held in self.files_of(part))

    def by_oid(self, oid: int) -> Table | None:
        return next((table for table in self.tables if table.oid == oid), None)
