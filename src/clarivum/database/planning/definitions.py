"""What a database defines, object by object, each as a text that can be compared with another database's.

The texts are Postgres' own (`pg_get_constraintdef` and its kin), so two ways to the same object give the same text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from clarivum.database.foreign_schemas import FOREIGN_SCHEMAS


@dataclass(frozen=True, slots=True, order=True)
class Definition:
    """One object, or one property of a table.

    `of` is the table, or the object itself where it belongs to none; `name` is then empty. `kind`: table, column,
    constraint, index, policy, row security, trigger, grant, comment, view, function, type, sequence, schema.
    """

    of: str
    kind: str
    name: str
    text: str


# Relations of the application's own schemas, those of extensions left out.
OURS = """
    with ours as (
        select c.oid, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl, c.reloptions,
            c.relpersistence, n.nspname || '.' || c.relname as name
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname not like 'pg\\_%%' and n.nspname <> 'information_schema' and n.nspname <> all (%(foreign)s)
            and not exists (select from pg_depend d
                where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    ), routines as (
        select p.oid, p.prokind, p.proowner, p.proacl,
            n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as name
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname not like 'pg\\_%%' and n.nspname <> 'information_schema' and n.nspname <> all (%(foreign)s)
            and not exists (select from pg_depend d
                where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    )"""
PARTS = (
    """
    select n.nspname::text, 'schema', '', 'schema' from pg_namespace n
    where n.nspname not like 'pg\\_%%' and n.nspname not in ('information_schema', 'public')
        and n.nspname <> all (%(foreign)s)""",
    """
    select name, 'table', '', case relpersistence when 'u' then 'unlogged ' else '' end
        || case relkind when 'p' then 'partitioned table' else 'table' end
    from ours where relkind in ('r', 'p')""",
    """
    select name, 'row security', '', case when relrowsecurity then 'enabled' else 'off' end
        || case when relforcerowsecurity then ', forced' else '' end
    from ours where relkind in ('r', 'p')""",
    """
    select o.name, 'column', a.attname, format_type(a.atttypid, a.atttypmod)
        || case when a.attnotnull then ' not null' else '' end
        || case when a.attidentity <> '' then ' generated as identity' else '' end
        || coalesce(case when a.attgenerated <> '' then ' generated always as (' else ' default ' end
            || pg_get_expr(d.adbin, d.adrelid) || case when a.attgenerated <> '' then ')' else '' end, '')
    from ours o join pg_attribute a on a.attrelid = o.oid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where o.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped""",
    """
    select o.name, 'constraint', c.conname, pg_get_constraintdef(c.oid)
    from ours o join pg_constraint c on c.conrelid = o.oid where c.contype in ('c', 'f', 'p', 'u', 'x')""",
    """
    select o.name, 'index', i.relname, pg_get_indexdef(x.indexrelid)
        || case when x.indisvalid then '' else ' (invalid)' end
    from ours o join pg_index x on x.indrelid = o.oid join pg_class i on i.oid = x.indexrelid
    where not exists (select from pg_constraint c where c.conindid = x.indexrelid and c.contype in ('p', 'u', 'x'))""",
    """
    select o.name, 'policy', p.polname, case when p.polpermissive then '' else 'restrictive ' end || 'for '
        || case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
            else 'all' end
        || ' to ' || (select string_agg(case when r = 0 then 'public' else pg_get_userbyid(r)::text end, ', ')
            from unnest(p.polroles) r)
        || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
        || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
    from ours o join pg_policy p on p.polrelid = o.oid""",
    """
    select o.name, 'trigger', t.tgname, pg_get_triggerdef(t.oid)
        || case when t.tgenabled = 'D' then ' (disabled)' else '' end
    from ours o join pg_trigger t on t.tgrelid = o.oid where not t.tgisinternal""",
    """
    select name, 'grant', grantee, string_agg(privilege, ', ' order by privilege) from (
        select o.name, case when g.grantee = 0 then 'public' else pg_get_userbyid(g.grantee)::text end as grantee,
            lower(g.privilege_type) as privilege
        from ours o cross join aclexplode(o.relacl) g where g.grantee <> o.relowner
        union all
        select o.name, case when g.grantee = 0 then 'public' else pg_get_userbyid(g.grantee)::text end,
            lower(g.privilege_type) || ' (' || a.attname || ')'
        from ours o join pg_attribute a on a.attrelid = o.oid cross join aclexplode(a.attacl) g
        union all
        select r.name, case when g.grantee = 0 then 'public' else pg_get_userbyid(g.grantee)::text end, 'execute'
        from routines r cross join aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) g
        where g.grantee <> r.proowner
        union all
        select n.nspname::text, case when g.grantee = 0 then 'public' else pg_get_userbyid(g.grantee)::text end,
            lower(g.privilege_type)
        from pg_namespace n cross join aclexplode(n.nspacl) g
        where g.grantee <> n.nspowner and n.nspname not like 'pg\\_%%' and n.nspname <> 'information_schema'
            and n.nspname <> all (%(foreign)s)
    ) granted group by name, grantee""",
    """
    select name, 'comment', '', obj_description(oid, 'pg_class') from ours
    where relkind in ('r', 'p', 'v', 'm') and obj_description(oid, 'pg_class') is not null""",
    """
    select name, 'view', '', case relkind when 'm' then 'materialized ' else '' end
        || coalesce('with (' || array_to_string(reloptions, ', ') || ') ', '') || pg_get_viewdef(oid, true)
    from ours where relkind in ('v', 'm')""",
    """
    select name, 'function', '', pg_get_functiondef(oid) from routines where prokind <> 'a'""",
    """
    select n.nspname || '.' || t.typname, 'type', '', case t.typtype
        when 'e' then 'enum (' || (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
            from pg_enum e where e.enumtypid = t.oid) || ')'
        else 'domain over ' || format_type(t.typbasetype, t.typtypmod)
            || coalesce((select ' ' || string_agg(pg_get_constraintdef(c.oid), ' ' order by c.conname)
                from pg_constraint c where c.contypid = t.oid), '') end
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where t.typtype in ('e', 'd') and n.nspname not like 'pg\\_%%' and n.nspname <> 'information_schema'
        and n.nspname <> all (%(foreign)s)
        and not exists (select from pg_depend d
            where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')""",
    """
    select o.name, 'sequence', '', format_type(s.seqtypid, null) || ' from ' || s.seqstart || ' by ' || s.seqincrement
    from ours o join pg_sequence s on s.seqrelid = o.oid
    where not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = o.oid
        and d.deptype in ('a', 'i') and d.refclassid = 'pg_class'::regclass)""",
)


def read_definitions(url: str) -> tuple[Definition, ...]:
    """All definitions of a database, sorted, in one statement. `url` is a login that sees all schemas."""
    statement = OURS + "\n    union all".join(f"{part}" for part in PARTS)
    with psycopg.connect(url, autocommit=True) as connection:
        return tuple(sorted(_read(connection, statement)))


def _read(connection: psycopg.Connection, statement: str) -> Iterator[Definition]:
    for of, kind, name, text in connection.execute(statement.encode(), {"foreign": list(FOREIGN_SCHEMAS)}):
        yield Definition(of, kind, name, text)
