-- author: growth
-- Notes: what members write down for themselves.
create table public.notes (
    id uuid primary key default gen_random_uuid(),
    subject text not null,
    topic text not null,
    body text,
    status text not null default 'open' check (status in ('open', 'done')),
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
comment on table public.notes is 'owner: growth. rows: 20_000_000. What members write down.';
create index notes_subject_created_at_idx on public.notes (subject, created_at desc, id desc) where deleted_at is null;
alter table public.notes enable row level security;
alter table public.notes force row level security;
grant select, insert on public.notes to authenticated;
grant select, update on public.notes to clarivum_worker;
create policy notes_own_read on public.notes for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub') and deleted_at is null);
create policy notes_own_add on public.notes for insert to authenticated
    with check (subject = (select auth.jwt() ->> 'sub'));
create policy notes_worker_read on public.notes for select to clarivum_worker using (true);
create policy notes_worker_change on public.notes for update to clarivum_worker using (true) with check (true);

create table public.topics (
    name text primary key,
    about text not null
);
comment on table public.topics is 'owner: growth. rows: 200. What notes can be about.';
alter table public.topics enable row level security;
alter table public.topics force row level security;
grant select on public.topics to anon, authenticated;
create policy topics_read on public.topics for select to anon, authenticated using (true);

select clarivum.create_queue('notes_tidy');
