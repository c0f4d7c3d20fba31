"""What belongs to the application in a database, as against what Postgres, Supabase and the platform bring."""

import psycopg
from psycopg import sql

from clarivum.database.provision import provision
from clarivum.database.reach import connect, is_local
from clarivum.errors import MIGRATION_LOCKED, DependencyDownError, RefusedError
from clarivum.settings import mask

PLATFORM_SCHEMAS = ("clarivum", "supabase_migrations")
"""Made by migrations, but no part of what the application declares."""
SUPABASE_SCHEMAS = (
    *("auth", "cron", "extensions", "graphql", "graphql_public", "net", "pgbouncer", "pgmq", "pgmq_public", "pgsodium"),
    *("pgsodium_masks", "realtime", "_realtime", "storage", "supabase_functions", "vault", "information_schema"),
)
"""Brought by Supabase (supabase/cli pkg/migration/queries/drop.sql has the like list) or by the baseline."""

OWN_SCHEMAS = """
select nspname::text from pg_namespace
where not starts_with(nspname, 'pg_') and nspname <> 'public' and nspname <> all (%s)
order by 1
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

    For a database of a development machine, or one made for the occasion: the login is a superuser. Roles are the
    server's and stay. Raises psycopg's errors.
    """
    kept = SUPABASE_SCHEMAS + (PLATFORM_SCHEMAS if keep_platform else ())
    with connection.transaction():
        connection.execute("set local lock_timeout = '2s'")
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
