-- author: growth
-- What a schema can get wrong beside missing tables' parts. Each violation stands beside a counterpart that is right.
create table public.notes (
    id uuid primary key default gen_random_uuid(),
    subject text not null,
    slug text not null,
    body text,
    created_at timestamptz not null default now()
);
comment on table public.notes is 'owner: growth. What members write down.';
create index notes_subject_created_at_idx on public.notes (subject, created_at desc);
create unique index notes_subject_slug_key on public.notes (subject, slug);
create unique index notes_slug_key on public.notes (lower(slug));
create index notes_subject_idx on public.notes (subject);
create index notes_newest_idx on public.notes (subject desc, created_at);
create index notes_subject_without_body_idx on public.notes (subject) where body is null;
create index notes_body_idx on public.notes (body text_pattern_ops);
alter table public.notes enable row level security;
alter table public.notes force row level security;
grant select, insert, update on public.notes to authenticated;
create policy notes_read on public.notes for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));
create policy notes_add on public.notes for insert to authenticated
    with check (subject = (select auth.jwt() ->> 'sub'));
create policy notes_change on public.notes for update to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));

create schema "Team Work";
grant usage on schema "Team Work" to authenticated, clarivum_worker;
create function "Team Work".team() returns text language sql stable set search_path = '' as
    $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'team' $$;
create table "Team Work"."Members" (team text not null, subject text not null, primary key (team, subject));
comment on table "Team Work"."Members" is 'owner: growth. rows: 500. Who is in which team.';
alter table "Team Work"."Members" enable row level security;
alter table "Team Work"."Members" force row level security;
grant select on "Team Work"."Members" to authenticated;
create policy members_read on "Team Work"."Members" for select to authenticated
    using (team = (select "Team Work".team()));
create table "Team Work"."Tasks" (
    id bigint generated always as identity primary key,
    team text not null,
    number integer not null,
    "Title" text not null constraint tasks_title_key unique,
    unique (team, number)
);
comment on table "Team Work"."Tasks" is 'owner: growth. rows: 5_000. What is to be done.';
alter table "Team Work"."Tasks" enable row level security;
alter table "Team Work"."Tasks" force row level security;
grant select, insert, update on "Team Work"."Tasks" to authenticated;
create policy tasks_all on "Team Work"."Tasks" for all to authenticated
    using (exists (
        select from "Team Work"."Members" m where m.team = "Tasks".team and m.subject = (select auth.jwt() ->> 'sub')));

create policy tasks_led on "Team Work"."Tasks" for select to authenticated
    using ("Team Work".team() = team);

-- A table that only the platform writes: nobody whom its policies keep apart meets its unique index.
create table public.receipts (
    id uuid primary key,
    subject text not null,
    number text not null unique,
    note_id uuid references public.notes (id),
    reply_id uuid references public.notes (id),
    voided boolean not null default false
);
comment on table public.receipts is 'owner: growth. What members were sent.';
create index receipts_subject_idx on public.receipts (subject);
create index receipts_note_id_idx on public.receipts (note_id) where note_id is not null;
create index receipts_reply_id_idx on public.receipts (reply_id) where not voided;
alter table public.receipts enable row level security;
alter table public.receipts force row level security;
grant select on public.receipts to authenticated;
grant select, insert on public.receipts to clarivum_worker;
grant references (id) on public.receipts to anon;
create policy receipts_read on public.receipts for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));
create policy receipts_work on public.receipts for all to clarivum_worker using (true) with check (true);

-- Partitions carry their shares of the index of the whole.
create table public.events (subject text not null, kind text not null, happened_on date not null)
    partition by range (happened_on);
comment on table public.events is 'owner: growth. What happened.';
create index events_subject_happened_on_idx on public.events (subject, happened_on desc);
create index events_kind_idx on public.events (kind);
create table public.events_2027 partition of public.events for values from ('2027-01-01') to ('2028-01-01');
comment on table public.events_2027 is 'owner: growth. What happened in 2027.';
alter table public.events enable row level security;
alter table public.events force row level security;
alter table public.events_2027 enable row level security;
alter table public.events_2027 force row level security;
grant select on public.events to authenticated;
create policy events_read on public.events for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));

create view public.open_view as select id, slug from public.notes;
create view public.closed_view with (security_invoker = on) as select id, slug from public.notes;
grant select on public.open_view, public.closed_view to authenticated;
create materialized view public.shown_copy as select subject, count(*) from public.notes group by subject;
create materialized view public.hidden_copy as select subject, count(*) from public.notes group by subject;
grant select (subject) on public.shown_copy to anon;
grant select on public.hidden_copy to clarivum_worker;

alter default privileges in schema public grant select, truncate on tables to authenticated;
alter default privileges in schema "Team Work" grant select on tables to authenticated;

create function public.without_path(note uuid, out found boolean) language sql stable security definer as
    $$ select exists (select from public.notes where id = note) $$;
alter function public.without_path(uuid) owner to clarivum_worker;
revoke execute on function public.without_path(uuid) from public;
create function public.temporary_first() returns void language sql security definer set search_path = pg_catalog, public as
    $$ select null $$;
alter function public.temporary_first() owner to clarivum_worker;
revoke execute on function public.temporary_first() from public;
create function public.powerful(note uuid) returns void language sql security definer set search_path = '' as
    $$ delete from public.notes where id = note $$;
revoke execute on function public.powerful(uuid) from public;
create procedure public.anybodys() language plpgsql security definer set search_path = public, pg_temp as
    $$ begin perform 1; end $$;
alter procedure public.anybodys() owner to clarivum_worker;
create function public.careful(note uuid) returns boolean language sql stable security definer set search_path = '' as
    $$ select exists (select from public.notes where id = note) $$;
alter function public.careful(uuid) owner to clarivum_worker;
revoke execute on function public.careful(uuid) from public;

create function public.leaking(value text) returns boolean language sql immutable leakproof set search_path = '' as
    $$ select value <> '' $$;

create function public.careless() returns uuid language plpgsql stable set search_path = '' as $$
declare
    claims jsonb := coalesce(current_setting('request.jwt.claims', true), '{}');
begin
    return claims ->> 'team';
end
$$;
create function public.guarded() returns jsonb language sql stable set search_path = '' as
    $$ select case when current_setting('app.x', true) = '' then null else current_setting('app.x', true)::jsonb end $$;
create function public.lasting() returns void language plpgsql set search_path = '' as $$
begin
    perform pg_advisory_lock(1), set_config('app.x', 'y', true);
    execute format('set role %I', 'anon');
    set local work_mem = '8MB';
    create temporary table scratch_list (id uuid) on commit drop;
    create temporary table kept_list (id uuid);
end
$$;
revoke execute on function public.careless(), public.guarded(), public.lasting() from public;
