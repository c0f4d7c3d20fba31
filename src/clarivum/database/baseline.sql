-- What a hosted Supabase project brings, for a plain Postgres 15 or newer. Safe to run again; on a hosted project, where the
-- login is no superuser and everything is there, it changes nothing but the roles of Clarivum itself.
--
-- Left out on purpose: default privileges in `public`. Since 2026-10-30 a new table is granted to nobody.

do $roles$
begin
    if not exists (select from pg_roles where rolname = 'anon') then
        create role anon nologin;
        alter role anon set statement_timeout = '3s';
    end if;
    if not exists (select from pg_roles where rolname = 'authenticated') then
        create role authenticated nologin;
        alter role authenticated set statement_timeout = '8s';
    end if;
    if not exists (select from pg_roles where rolname = 'service_role') then
        create role service_role nologin bypassrls;
    end if;
    if not exists (select from pg_roles where rolname = 'authenticator') then
        -- As PostgREST uses it. Without a password nobody logs in with it; it may become service_role, so our API never does.
        create role authenticator login noinherit;
        alter role authenticator set statement_timeout = '8s';
        alter role authenticator set lock_timeout = '8s';
        grant anon, authenticated, service_role to authenticator;
    end if;

    -- Jobs, and what the platform itself does for a caller (capture a lead, enqueue): held by policies like everyone else.
    if not exists (select from pg_roles where rolname = 'clarivum_worker') then
        create role clarivum_worker nologin nobypassrls;
    end if;
    -- Editors, administrators and operators, on the routes for them alone. No member of authenticated: its policies would
    -- be joined to the staff's own by OR (docs/adr/0006-database-roles.md).
    if not exists (select from pg_roles where rolname = 'clarivum_staff') then
        create role clarivum_staff nologin nobypassrls;
    end if;
    -- The login that serves requests and runs jobs. NOINHERIT: without a role of the caller it may do nothing at all.
    -- It is a member of no role that bypasses row-level security, so no SET ROLE gets past a policy.
    if not exists (select from pg_roles where rolname = 'clarivum_api') then
        create role clarivum_api login noinherit nobypassrls;
        grant anon, authenticated, clarivum_staff, clarivum_worker to clarivum_api;
    end if;
end
$roles$;

do $auth$
begin
    if to_regnamespace('auth') is null then
        create schema auth;
        grant usage on schema auth to anon, authenticated, service_role;
    end if;
    if (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'auth') then
        grant usage on schema auth to clarivum_staff, clarivum_worker;
    end if;
    -- After a transaction a local setting is '', not NULL: hence nullif.
    if to_regprocedure('auth.jwt()') is null then
        create function auth.jwt() returns jsonb language sql stable set search_path = '' as
            $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
    end if;
    -- As on Supabase a uuid, so it fails on an Auth0 subject such as auth0|alice: policies use auth.jwt() ->> 'sub'.
    if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid language sql stable set search_path = '' as
            $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
    end if;
    if to_regprocedure('auth.role()') is null then
        create function auth.role() returns text language sql stable set search_path = '' as
            $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
    end if;
    if to_regprocedure('auth.email()') is null then
        create function auth.email() returns text language sql stable set search_path = '' as
            $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email' $$;
    end if;
end
$auth$;

do $extensions$
begin
    if to_regnamespace('extensions') is null then
        create schema extensions;
        grant usage on schema extensions to anon, authenticated, service_role;
    end if;
end
$extensions$;

-- Only whoever owns the schema, or is granted it, creates in public (the default since 15, older databases keep their ACL).
do $public$
begin
    if (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'public') then
        revoke create on schema public from public;
        grant usage on schema public to anon, authenticated, service_role, clarivum_staff, clarivum_worker;
    end if;
end
$public$;
