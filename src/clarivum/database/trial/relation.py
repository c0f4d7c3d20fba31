"""What a row of a table must be, and which policies look at it, as the catalog says."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

COLUMNS = """
    select a.attrelid::bigint as oid, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
        coalesce(b.typname, t.typname)::text as kind, coalesce(b.typcategory, t.typcategory)::text as category,
        (a.attnotnull or t.typnotnull) as required,
        a.atthasdef or a.attidentity <> '' or t.typdefault is not null as filled,
        a.attidentity = 'a' or a.attgenerated <> '' as fixed,
        array(select e.enumlabel::text from pg_enum e where e.enumtypid = coalesce(b.oid, t.oid)
            order by e.enumsortorder) as labels,
        array(select c.conname || E'\\n' || pg_get_constraintdef(c.oid) from pg_constraint c
            where c.contypid = t.oid and c.contype = 'c') as domain_checks
    from pg_attribute a join pg_type t on t.oid = a.atttypid
        left join pg_type b on b.oid = t.typbasetype and t.typtype = 'd'
    where a.attrelid = any (%s::oid[]) and a.attnum > 0 and not a.attisdropped
    order by a.attrelid, a.attnum"""
CONSTRAINTS = """
    select c.conrelid::bigint as oid, c.conname as name, c.contype::text as kind,
        pg_get_constraintdef(c.oid) as definition, c.confrelid::bigint as parent,
        array(select a.attname::text from unnest(c.conkey) with ordinality k (n, i)
            join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.n order by k.i) as columns,
        array(select a.attname::text from unnest(c.confkey) with ordinality k (n, i)
            join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.n order by k.i) as parent_columns
    from pg_constraint c where c.conrelid = any (%s::oid[]) and c.contype in ('c', 'f')
    union all
    select i.indrelid::bigint, c.relname, 'u', pg_get_indexdef(i.indexrelid), 0,
        array(select a.attname::text from pg_attribute a
            where a.attrelid = i.indrelid and a.attnum > 0 and (a.attnum = any (i.indkey::int2[])
                or pg_get_indexdef(i.indexrelid) ~ ('\\m' || a.attname || '\\M'))), '{}'
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = any (%s::oid[]) and i.indisunique
    order by 1, 2"""
POLICIES = """
    select p.polrelid::bigint as oid, p.polname as name, p.polcmd::text as command, p.polpermissive as permissive,
        p.polroles::bigint[] as roles,
        coalesce(pg_get_expr(p.polqual, p.polrelid), '') as using,
        coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as checked
    from pg_policy p where p.polrelid = any (%s::oid[]) order by 1, 2"""
TABLES = """
    select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relrowsecurity
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = any (%s::oid[]) order by 2, 3"""
COMMANDS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """What a column takes. `kind` is the type's own name (a domain's base type), `category` pg_type.typcategory."""

    name: str
    type: str
    kind: str
    category: str
    required: bool
    filled: bool
    """Whether it has a value when none is given: default, identity or generated."""
    fixed: bool
    """Whether no value may be given: generated, or identity always."""
    labels: tuple[str, ...]
    domain_checks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Constraint:
    """A check (c), a foreign key (f) or a unique index (u), with the columns in it."""

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...]
    parent: int = 0
    parent_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """A policy; `roles` are oids, 0 for everybody."""

    name: str
    command: str
    permissive: bool
    roles: frozenset[int]
    expressions: str
    """USING and WITH CHECK together: what the columns in them are looked for in."""

    def is_for(self, verb: str, member_of: frozenset[int]) -> bool:
        return self.command in {verb, "all"} and bool(self.roles & (member_of | {0}))


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, as whoever wants to put a row into it must know it."""

    oid: int
    schema: str
    name: str
    kind: str
    row_security: bool
    columns: tuple[ColumnShape, ...]
    constraints: tuple[Constraint, ...]
    policies: tuple[RowPolicy, ...]

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> ColumnShape | None:
        return next((column for column in self.columns if column.name == name), None)

    def constraint(self, name: str) -> Constraint | None:
        """A constraint by its name; a domain's check as one on the columns of that domain."""
        for constraint in self.constraints:
            if constraint.name == name:
                return constraint
        within = [
            (column.name, text) for column in self.columns for known, text in column.domain_checks if known == name
        ]
        return Constraint(name, "c", within[0][1], tuple(column for column, _ in within)) if within else None

    def definitions(self, column: ColumnShape) -> list[str]:
        """Every check that a column's value must pass."""
        own = [each.definition for each in self.constraints if each.kind == "c" and column.name in each.columns]
        return [*own, *(definition for _, definition in column.domain_checks)]

    def is_unique(self, name: str) -> bool:
        return any(each.kind == "u" and name in each.columns for each in self.constraints)

    def is_policed(self, name: str) -> bool:
        """Whether a policy of the table names the column."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        return any(word.search(policy.expressions) for policy in self.policies)


def read_relations(connection: psycopg.Connection, oids: Iterable[int]) -> dict[int, Relation]:
    """Read tables by oid, in four statements however many there are."""
    wanted = list(oids)
    cursor: psycopg.Cursor[Any] = connection.cursor(row_factory=namedtuple_row)
    columns = _grouped(cursor.execute(COLUMNS, [wanted]))
    constraints = _grouped(cursor.execute(CONSTRAINTS, [wanted, wanted]))
    policies = _grouped(cursor.execute(POLICIES, [wanted]))
    return {
        row.oid: Relation(
            oid=row.oid,
            schema=row.schema,
            name=row.name,
            kind=row.kind,
            row_security=row.relrowsecurity,
            columns=tuple(map(_column, columns[row.oid])),
            constraints=tuple(map(_constraint, constraints[row.oid])),
            policies=tuple(map(_policy, policies[row.oid])),
        )
        for row in cursor.execute(TABLES, [wanted]).fetchall()
    }


def _grouped(rows: Iterator[Any]) -> defaultdict[int, list[Any]]:
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.oid].append(row)
    return groups


def _column(row: Any) -> ColumnShape:
    checks = tuple((text.partition("\n")[0], text.partition("\n")[2]) for text in row.domain_checks)
    return ColumnShape(
        row.name, row.type, row.kind, row.category, row.required, row.filled, row.fixed, tuple(row.labels), checks
    )


def _constraint(row: Any) -> Constraint:
    return Constraint(row.name, row.kind, row.definition, tuple(row.columns), row.parent, tuple(row.parent_columns))


def _policy(row: Any) -> RowPolicy:
    return RowPolicy(
        row.name, COMMANDS[row.command], row.permissive, frozenset(row.roles), f"{row.using} {row.checked}"
    )
