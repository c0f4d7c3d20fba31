"""What belongs to the application in a database, as against what Postgres, Supabase and the platform bring."""

from contextlib import suppress

import psycopg
from psycopg import sql

from clarivum.database.foreign_schemas import FOREIGN_SCHEMAS, HISTORY_SCHEMA
from clarivum.database.provision import provision
from clarivum.database.reach import connect, is_local
from clarivum.errors import MIGRATION_LOCKED, DependencyDownError, RefusedError
from clarivum.settings import mask

PLATFORM_SCHEMAS = ("clarivum", HISTORY_SCHEMA)
"""Made by migrations, but no part of what the application declares."""
SUPABASE_EXTENSIONS = (
    "pg_graphql",
    "pg_stat_statements",
    "pgcrypto",
    "pgjwt",
    "pgsodium",
    "supabase_vault",
    "uuid-ossp",
)
"""What a new Supabase project has, which other servers have only where a migration made it."""

OWN_SCHEMAS = """
select nspname::text from pg_namespace
where not starts_with(nspname, 'pg_') and nspname <> 'public' and nspname <> all (%s)
order by 1
"""
# What belongs to the database rather than to a schema of ours. Supabase's own server is told by its role.
OUTSIDE_SCHEMAS = """
select 'publication', quote_ident(pubname) from pg_publication where not starts_with(pubname, 'supabase_realtime')
union all
select 'extension', quote_ident(extname) from pg_extension
where extname not in ('plpgsql', 'pgmq')
    and not (extname = any (%(supabase)s) and exists (select from pg_roles where rolname = 'supabase_admin'))
union all
select 'policy', format('%%I on %%I.%%I', polname, n.nspname, c.relname)
from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(foreign)s) and n.nspname <> 'pgmq'
    and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
"""
# Dropping and making it anew leaves nothing behind, whatever kinds of objects it held. Owner, privileges and comment
# are the server's matter and stay.
EMPTY_PUBLIC = """
do $$
declare
    kept record;
    entry record;
begin
    select nspowner::regrole as owner, nspacl as acl, obj_description(oid) as comment into kept
    from pg_namespace where nspname = 'public';
    if not found then
        return;
    end if;
    drop schema public cascade;
    create schema public;
    if kept.comment is not null then
        execute format('comment on schema public is %L', kept.comment);
    end if;
    for entry in select grantee, privilege_type from aclexplode(kept.acl) loop
        execute format(
            'grant %s on schema public to %s', entry.privilege_type,
            case when entry.grantee = 0 then 'public' else entry.grantee::regrole::text end
        );
    end loop;
    execute format('alter schema public owner to %s', kept.owner);
end
$$
"""
QUEUES = "select queue_name from pgmq.meta order by 1"


def reset_database(url: str) -> None:
    """Make a database of this machine as it was before the first migration: baseline, and nothing else.

    Raises RefusedError for a database elsewhere, DependencyDownError when it does not answer or its tables are in use.
    """
    with connect(url, application_name="clarivum db reset") as connection:
        if not is_local(connection, url):
            raise RefusedError(f"{mask(url)} is not on this machine; only a local database is reset")
        try:
            empty(connection, keep_platform=False)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            raise DependencyDownError(
                "the database is in use: a transaction holds locks; nothing was dropped", code=MIGRATION_LOCKED
            ) from None
    provision(url)


def empty(connection: psycopg.Connection, *, keep_platform: bool) -> None:
    """Drop every object of the application, in one transaction; with it the platform's own, unless they are kept.

    So go its publications, its extensions, and its policies on tables of others, such as storage.objects; one that the
    login may not drop is another's. For a database of a development machine, or one made for the occasion. Roles are
    the server's and stay. Raises psycopg's errors.
    """
    kept = {*FOREIGN_SCHEMAS, *PLATFORM_SCHEMAS} if keep_platform else {*FOREIGN_SCHEMAS} - {*PLATFORM_SCHEMAS}
    given = {"supabase": list(SUPABASE_EXTENSIONS), "foreign": list(FOREIGN_SCHEMAS)}
    with connection.transaction():
        connection.execute("set local lock_timeout = '2s'")
        for kind, name in connection.execute(OUTSIDE_SCHEMAS, given).fetchall():
            with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(sql.SQL("drop {} if exists {} cascade").format(sql.SQL(kind), sql.SQL(name)))
        for (schema,) in connection.execute(OWN_SCHEMAS, (list(kept),)).fetchall():
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
        connection.execute(EMPTY_PUBLIC)
        if not keep_platform:
            _drop_queues(connection)


def _drop_queues(connection: psycopg.Connection) -> None:
    if connection.execute("select to_regclass('pgmq.meta') is null").fetchone() == (True,):
        return
    for (queue,) in connection.execute(QUEUES).fetchall():
        connection.execute("select pgmq.drop_queue(%s)", (queue,))
