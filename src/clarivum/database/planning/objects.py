"""What a database holds beside its tables, read from its catalog: views, functions, default privileges, expressions.

As in `catalog`, what belongs to an extension or lies in another's schema is left out. Names come quoted where SQL wants
them quoted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from clarivum.database.foreign_schemas import FOREIGN_SCHEMAS

CALLERS = ("anon", "authenticated", "clarivum_staff")
"""The roles that requests run under; the worker's own acts are not asked for by a caller."""


@dataclass(frozen=True, slots=True)
class View:
    """A view (`v`), materialized view (`m`) or foreign table (`f`)."""

    name: str
    kind: str
    comment: str
    invoker: bool
    """Whether it says `security_invoker`, so that the caller's privileges and policies hold behind it."""
    readers: tuple[str, ...]
    """Which of CALLERS may read it, by whatever way: a grant on it or a column, PUBLIC, a role they are a member of."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or procedure."""

    name: str
    arguments: str
    """The types of its input arguments, as ALTER ROUTINE takes them."""
    inputs: int
    language: str
    result: str
    """The type it returns; empty when it returns a set, a trigger, or nothing."""
    definer: bool
    leakproof: bool
    owner: str
    owner_power: str
    """What lets its owner past every policy: `superuser`, `BYPASSRLS`, or empty."""
    open_to_public: bool
    """Whether PUBLIC may execute it."""
    search_path: str | None
    """As its own setting says; None when it has none."""
    definition: str
    """The whole CREATE FUNCTION statement."""
    comment: str

    @property
    def signature(self) -> str:
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Expression:
    """What the database evaluates by itself: `kind` is default, check, trigger, rule or view; `sql` one statement."""

    kind: str
    relation: str
    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class DefaultGrant:
    """What every table that `creator` makes later is granted; `schema` is empty when that holds in all of them."""

    schema: str
    creator: str
    grantee: str
    privilege: str


@dataclass(frozen=True, slots=True)
class Objects:
    """All of them, each in the order of its name."""

    views: tuple[View, ...]
    functions: tuple[Function, ...]
    expressions: tuple[Expression, ...]
    default_grants: tuple[DefaultGrant, ...]
    writable_schemas: frozenset[str]
    """Schemas in which some role that no superuser is, other than their owner, may create."""


VIEWS = """
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, c.relkind::text as kind,
        coalesce(obj_description(c.oid, 'pg_class'), '') as comment,
        coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_invoker'), false) as invoker,
        array(select r.rolname::text from pg_roles r where r.rolname = any (%(callers)s)
            and has_schema_privilege(r.oid, n.oid, 'usage') and has_any_column_privilege(r.oid, c.oid, 'select')
            order by 1) as readers
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm', 'f') and n.nspname not like 'pg\\_%%'
        and n.nspname <> 'information_schema' and n.nspname <> all (%(foreign)s)
        and not exists (
            select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    order by 1"""
FUNCTIONS = """
    select quote_ident(n.nspname) || '.' || quote_ident(p.proname) as name,
        oidvectortypes(p.proargtypes) as arguments, p.pronargs as inputs,
        l.lanname as language,
        case when p.proretset or p.prokind = 'p' or p.prorettype = any ('{trigger,event_trigger,void}'::regtype[])
            then '' else format_type(p.prorettype, null) end as result,
        p.prosecdef as definer, p.proleakproof as leakproof, r.rolname as owner,
        case when r.rolsuper then 'superuser' when r.rolbypassrls then 'BYPASSRLS' else '' end as owner_power,
        exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)
            as open_to_public,
        (select substr(s, 13) from unnest(p.proconfig) s where s like 'search_path=%%') as search_path,
        pg_get_functiondef(p.oid) as definition, coalesce(obj_description(p.oid, 'pg_proc'), '') as comment
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
        join pg_roles r on r.oid = p.proowner
    where p.prokind in ('f', 'p', 'w') and n.nspname not like 'pg\\_%%'
        and n.nspname <> 'information_schema' and n.nspname <> all (%(foreign)s)
        and not exists (
            select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    order by 1, 2"""
EXPRESSIONS = """
    with own as (
        select c.oid, c.relkind,
            quote_ident(n.nspname) || '.' || quote_ident(c.relname) as relation
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\\_%%'
        and n.nspname <> 'information_schema' and n.nspname <> all (%(foreign)s)
        and not exists (
            select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))
    select 'default' as kind, o.relation, a.attname::text as name, 'select ' || pg_get_expr(d.adbin, d.adrelid) as sql
    from own o join pg_attrdef d on d.adrelid = o.oid
        join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    union all
    select 'check', o.relation, c.conname, 'select ' || pg_get_expr(c.conbin, c.conrelid)
    from own o join pg_constraint c on c.conrelid = o.oid and c.contype = 'c'
    union all
    select 'trigger', o.relation, t.tgname, pg_get_triggerdef(t.oid)
    from own o join pg_trigger t on t.tgrelid = o.oid and not t.tgisinternal and t.tgqual is not null
    union all
    select 'rule', o.relation, r.rulename, pg_get_ruledef(r.oid)
    from own o join pg_rewrite r on r.ev_class = o.oid and r.rulename <> '_RETURN'
    union all
    select 'view', o.relation, o.relation, pg_get_viewdef(o.oid) from own o where o.relkind in ('v', 'm')
    order by 2, 1, 3"""
DEFAULT_GRANTS = """
    select coalesce(n.nspname, '') as schema, pg_get_userbyid(d.defaclrole) as creator,
        case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee) end as grantee,
        lower(a.privilege_type) as privilege
    from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace cross join aclexplode(d.defaclacl) a
    where d.defaclobjtype = 'r' and a.grantee <> d.defaclrole and (n.oid is null or n.nspname <> all (%(foreign)s))
    order by 1, 2, 3, 4"""
WRITABLE_SCHEMAS = """
    select n.nspname as name from pg_namespace n
    where exists (
        select from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
            left join pg_roles r on r.oid = a.grantee
        where a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
            and (a.grantee = 0 or not (r.rolsuper or r.rolbypassrls)))"""


def read_objects(connection: psycopg.Connection) -> Objects:
    """Read all of it in five statements, however many objects there are."""
    cursor: psycopg.Cursor[Any] = connection.cursor(row_factory=namedtuple_row)
    given = {"foreign": list(FOREIGN_SCHEMAS), "callers": list(CALLERS)}

    def rows(statement: str) -> Iterable[Any]:
        return cursor.execute(statement, given).fetchall()

    return Objects(
        views=tuple(View(row.name, row.kind, row.comment, row.invoker, tuple(row.readers)) for row in rows(VIEWS)),
        functions=tuple(Function(*row) for row in rows(FUNCTIONS)),
        expressions=tuple(Expression(*row) for row in rows(EXPRESSIONS)),
        default_grants=tuple(DefaultGrant(*row) for row in rows(DEFAULT_GRANTS)),
        writable_schemas=frozenset(row.name for row in rows(WRITABLE_SCHEMAS)),
    )
