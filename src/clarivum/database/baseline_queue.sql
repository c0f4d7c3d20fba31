-- The worker role sends, reads and archives. Queues that a migration creates later are granted by default privileges.
-- Nobody else holds anything here: a request enqueues by becoming clarivum_worker for that statement.
-- On a hosted project the extension's own tables may belong to another role; they are left alone.

do $grants$
declare
    relation record;
begin
    if (select pg_has_role(nspowner, 'usage') or has_schema_privilege(oid, 'usage with grant option')
        from pg_namespace where nspname = 'pgmq') then
        grant usage on schema pgmq to clarivum_worker;
    end if;
    for relation in
        select c.oid::regclass as name, c.relkind
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'pgmq' and c.relkind in ('r', 'p', 'S') and pg_has_role(c.relowner, 'usage')
    loop
        if relation.relkind = 'S' then
            execute format('grant usage on sequence %s to clarivum_worker', relation.name);
        else
            execute format('grant select, insert, update, delete on table %s to clarivum_worker', relation.name);
        end if;
    end loop;
end
$grants$;

alter default privileges in schema pgmq grant select, insert, update, delete on tables to clarivum_worker;
alter default privileges in schema pgmq grant usage on sequences to clarivum_worker;
