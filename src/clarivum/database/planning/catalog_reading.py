"""Reads the catalog from a server; what belongs to an extension, or lies in a schema of others, is left out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from clarivum.database.foreign_schemas import FOREIGN_SCHEMAS
from clarivum.database.planning.catalog import Catalog, Column, ForeignKey, Index, Policy, Table

TABLES = """
    select c.oid::bigint, n.nspname as schema, c.relname as name, c.relkind::text as kind,
        coalesce(obj_description(c.oid, 'pg_class'), '') as comment, c.relrowsecurity, c.relforcerowsecurity,
        coalesce((select pn.nspname || '.' || p.relname from pg_inherits h join pg_class p on p.oid = h.inhparent
            join pg_namespace pn on pn.oid = p.relnamespace where h.inhrelid = c.oid and c.relispartition), '')
            as partition_of
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname not like 'pg\\_%%' and n.nspname <> 'information_schema'
        and n.nspname <> all (%s)
        and not exists (
            select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    order by 2, 3"""
COLUMNS = """
    select a.attrelid::bigint as oid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attlen,
        not a.attnotnull as nullable, coalesce(col_description(a.attrelid, a.attnum), '') as comment,
        (select count(*) from pg_enum e where e.enumtypid = a.atttypid) as labels, a.attidentity <> '' as identity,
        coalesce(pg_get_expr(d.adbin, d.adrelid), '') as default_value
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = any (%s::oid[]) and a.attnum > 0 and not a.attisdropped
    order by 1, 2"""
CONSTRAINTS = """
    select c.conrelid::bigint as oid, c.conname, c.contype::text as kind, pg_get_constraintdef(c.oid) as definition,
        array(select a.attname::text from unnest(c.conkey) with ordinality k (n, i)
            join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.n order by k.i) as columns,
        (select rn.nspname || '.' || r.relname from pg_class r join pg_namespace rn on rn.oid = r.relnamespace
            where r.oid = c.confrelid) as referenced
    from pg_constraint c where c.conrelid = any (%s::oid[]) and c.contype in ('c', 'f')
    order by 1, 2"""
POLICIES = """
    select p.polrelid::bigint as oid, p.polname, p.polcmd::text as command,
        array(select case when r = 0 then 'public' else pg_get_userbyid(r)::text end
            from unnest(p.polroles) r) as roles,
        coalesce(pg_get_expr(p.polqual, p.polrelid), '') as using,
        coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as checked, p.polpermissive as permissive
    from pg_policy p where p.polrelid = any (%s::oid[])
    order by 1, 2"""
GRANTS = """
    select c.oid::bigint as oid,
        case when g.grantee = 0 then 'public' else pg_get_userbyid(g.grantee)::text end as grantee,
        lower(g.privilege_type) as privilege
    from pg_class c cross join aclexplode(c.relacl) g where c.oid = any (%s::oid[]) and g.grantee <> c.relowner
    union all
    select a.attrelid::bigint, case when g.grantee = 0 then 'public' else pg_get_userbyid(g.grantee)::text end,
        lower(g.privilege_type)
    from pg_attribute a cross join aclexplode(a.attacl) g where a.attrelid = any (%s::oid[])
    order by 1, 2, 3"""
INDEXES = """
    select i.indrelid::bigint as oid, c.relname as name, i.indexrelid::bigint as index_oid,
        array(select pg_get_indexdef(i.indexrelid, k, true)
            from generate_series(1, i.indnkeyatts) k order by k) as keys,
        array(select o from unnest(i.indoption) with ordinality o (o, n) order by n) as options,
        array(select a.attlen from pg_attribute a where a.attrelid = i.indexrelid and a.attnum <= i.indnkeyatts
            order by a.attnum) as widths,
        coalesce(pg_get_expr(i.indpred, i.indrelid), '') as predicate, i.indisunique as is_unique, m.amname as method,
        i.indisprimary as is_primary,
        coalesce((select tn.nspname || '.' || t.relname || '.' || p.relname
            from pg_inherits h join pg_class p on p.oid = h.inhparent join pg_index pi on pi.indexrelid = p.oid
            join pg_class t on t.oid = pi.indrelid join pg_namespace tn on tn.oid = t.relnamespace
            where h.inhrelid = i.indexrelid), '') as part_of,
        array(select o || ' ' || coalesce(i.indcollation[n - 1], 0) from unnest(i.indclass) with ordinality o (o, n)
            order by n) as classes,
        array(select a.attname::text from generate_series(i.indnkeyatts, i.indnatts - 1) k
            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k] order by k) as included,
        coalesce((select k.contype::text from pg_constraint k
            where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x') limit 1), '') as backs
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
    where i.indrelid = any (%s::oid[]) and i.indisvalid
    order by 1, 2"""
QUEUES = "select queue_name from pgmq.meta"
COMMANDS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}
ORDERS = {0: "", 1: "desc nulls last", 2: "nulls first", 3: "desc"}


def read_catalog(connection: psycopg.Connection) -> Catalog:
    """Read all of it in seven statements, however many tables there are."""
    cursor: psycopg.Cursor[Any] = connection.cursor(row_factory=namedtuple_row)
    rows = cursor.execute(TABLES, [list(FOREIGN_SCHEMAS)]).fetchall()
    oids = [row.oid for row in rows]
    columns = _grouped(cursor.execute(COLUMNS, [oids]))
    constraints = _grouped(cursor.execute(CONSTRAINTS, [oids]))
    policies = _grouped(cursor.execute(POLICIES, [oids]))
    grants = _grouped(cursor.execute(GRANTS, [oids, oids]))
    indexes = _grouped(cursor.execute(INDEXES, [oids]))
    has_queues = cursor.execute("select to_regclass('pgmq.meta') is not null as there").fetchone()
    assert has_queues is not None
    queues = frozenset(row.queue_name for row in cursor.execute(QUEUES)) if has_queues.there else frozenset()
    tables = tuple(
        Table(
            schema=row.schema,
            name=row.name,
            oid=row.oid,
            kind=row.kind,
            comment=row.comment,
            row_security=row.relrowsecurity,
            forced=row.relforcerowsecurity,
            columns=tuple(map(_column, columns[row.oid])),
            checks=tuple(_single_column_checks(constraints[row.oid])),
            policies=tuple(map(_policy, policies[row.oid])),
            grants=tuple(sorted({(grant.grantee, grant.privilege) for grant in grants[row.oid]})),
            indexes=tuple(map(_index, indexes[row.oid])),
            foreign_keys=tuple(_foreign_keys(constraints[row.oid])),
            partition_of=row.partition_of,
        )
        for row in rows
    )
    return Catalog(tuple(_with_shares(tables)), queues)


def _with_shares(tables: Iterable[Table]) -> Iterator[Table]:
    """The tables, each partition with its share: an equal part of what its partitioned table is planned for."""
    by_name = {table.qualified: table for table in tables}
    parts = Counter(table.partition_of for table in by_name.values())

    def shared(table: Table) -> Table:
        above = by_name.get(table.partition_of)
        if above is None:
            return table
        return replace(table, share_of_rows=shared(above).rows // parts[above.qualified])

    return map(shared, by_name.values())


def _grouped(rows: Iterable[Any]) -> defaultdict[int, list[Any]]:
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.oid].append(row)
    return groups


def _index(row: Any) -> Index:
    order = tuple(ORDERS[option & 3] for option in row.options[: len(row.keys)])
    return Index(
        name=row.name,
        keys=tuple(row.keys),
        order=order,
        widths_bytes=tuple(row.widths),
        predicate=row.predicate,
        unique=row.is_unique,
        method=row.method,
        oid=row.index_oid,
        primary=row.is_primary,
        classes=tuple(row.classes),
        included=tuple(row.included),
        backs=row.backs,
        part_of=row.part_of,
    )


def _column(row: Any) -> Column:
    return Column(
        row.attnum,
        row.attname,
        row.type,
        row.attlen,
        row.nullable,
        row.comment,
        row.labels,
        row.identity,
        row.default_value,
    )


def _policy(row: Any) -> Policy:
    return Policy(row.polname, COMMANDS[row.command], tuple(row.roles), row.using, row.checked, row.permissive)


def _single_column_checks(rows: Iterable[Any]) -> Iterator[tuple[str, str]]:
    return ((row.columns[0], row.definition) for row in rows if row.kind == "c" and len(row.columns) == 1)


def _foreign_keys(rows: Iterable[Any]) -> Iterator[ForeignKey]:
    return (ForeignKey(row.conname, tuple(row.columns), row.referenced) for row in rows if row.kind == "f")
