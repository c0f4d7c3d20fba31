-- author: platform
-- The platform's own schema: helpers that policies and tables of the application use. Never exposed through the data API.
-- Runs on a hosted Supabase project as well as on the embedded server.

do $$
begin
    if not exists (select from pg_roles where rolname = 'clarivum_worker') then
        create role clarivum_worker nologin nobypassrls;
    end if;
    if not exists (select from pg_roles where rolname = 'clarivum_staff') then
        create role clarivum_staff nologin nobypassrls;
    end if;
end
$$;

create schema if not exists clarivum;
comment on schema clarivum is 'owner: platform. What the platform keeps for itself: jobs, idempotency, limits, helpers of policies.';

grant usage on schema clarivum to anon, authenticated, clarivum_staff, clarivum_worker;
grant usage on schema public to anon, authenticated, clarivum_staff, clarivum_worker;

-- In a policy, wrap each of these in a select, so that the planner runs it once and not per row:
--   using (subject = (select clarivum.subject()))

create function clarivum.claims() returns jsonb
    language sql stable security invoker set search_path = '' as
$$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
comment on function clarivum.claims() is 'The claims of the caller that the server verified and set for this transaction; null for a visitor.';

create function clarivum.subject() returns text
    language sql stable security invoker set search_path = '' as
$$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' $$;
comment on function clarivum.subject() is 'The caller''s subject, such as auth0|alice; null for a visitor. Not auth.uid(), which casts to uuid.';

create function clarivum.has_role(role text) returns boolean
    language sql stable security invoker set search_path = '' as
$$ select coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_roles' ? has_role.role, false) $$;
comment on function clarivum.has_role(text) is 'Whether the caller has an application role: member, editor, admin, ops.';

create function clarivum.has_any_role(roles text[]) returns boolean
    language sql stable security invoker set search_path = '' as
$$ select coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_roles' ?| has_any_role.roles, false) $$;
comment on function clarivum.has_any_role(text[]) is 'Whether the caller has at least one of the application roles.';

create function clarivum.touch() returns trigger
    language plpgsql security invoker set search_path = '' as
$$
begin
    new.created_at := old.created_at;
    new.updated_at := now();
    new.revision := old.revision + 1;
    return new;
end
$$;
comment on function clarivum.touch() is 'Before update: moves updated_at and revision, keeps created_at, whatever the statement says.';

-- Functions are executable by PUBLIC unless told otherwise.
revoke execute on function
    clarivum.claims(), clarivum.subject(), clarivum.has_role(text), clarivum.has_any_role(text[]), clarivum.touch()
    from public;
grant execute on function clarivum.claims(), clarivum.subject(), clarivum.has_role(text), clarivum.has_any_role(text[])
    to anon, authenticated, clarivum_staff, clarivum_worker;

-- Whether the migrations are applied is part of being ready. Whoever applies this file keeps the history table.
do $$
begin
    if to_regclass('supabase_migrations.schema_migrations') is not null then
        grant usage on schema supabase_migrations to clarivum_worker;
        grant select on supabase_migrations.schema_migrations to clarivum_worker;
    end if;
end
$$;
