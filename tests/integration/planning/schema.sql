-- Two tables whose comments declare what production holds; a member sees their own events, staff see all.
create table public.events (
    id bigint generated always as identity primary key,
    subject text not null,
    source text not null,
    kind text not null check (kind in ('a', 'b', 'c', 'd')),
    email text not null,
    created_at timestamptz not null,
    deleted_at timestamptz
);
comment on table public.events is 'owner: growth. rows: 200_000. What happened.';
comment on column public.events.subject is 'distinct: 2_000';
comment on column public.events.source is 'distinct: 100';
create index events_subject_idx on public.events (subject, created_at desc) where deleted_at is null;
create index events_created_at_idx on public.events (created_at desc) where deleted_at is null;
create index events_kind_source_idx on public.events (kind, source);
alter table public.events enable row level security;
alter table public.events force row level security;
grant select, update on public.events to authenticated, clarivum_staff;
create policy events_own on public.events to authenticated
    using (subject = (select auth.jwt() ->> 'sub') and deleted_at is null);
create policy events_staff on public.events to clarivum_staff
    using ((select (auth.jwt() -> 'app_roles') ? 'admin') and deleted_at is null);

create table public.event_notes (
    id bigint generated always as identity primary key,
    event_id bigint not null references public.events (id),
    body text
);
comment on table public.event_notes is 'owner: growth. rows: 200_000. What was said of it.';
create index event_notes_event_id_idx on public.event_notes (event_id);
alter table public.event_notes enable row level security;
alter table public.event_notes force row level security;
grant select on public.event_notes to authenticated, clarivum_staff;
create policy event_notes_read on public.event_notes for select to authenticated, clarivum_staff using (true);

create table public.huge (id bigint primary key, topic text not null);
comment on table public.huge is 'owner: growth. As many rows as are assumed where nothing is said.';
alter table public.huge enable row level security;
alter table public.huge force row level security;
grant select on public.huge to authenticated;
create policy huge_read on public.huge for select to authenticated using (true);

create table public.letters (id bigint primary key, subject text not null, topic text not null);
comment on table public.letters is 'owner: growth. Its policy column has an index, what one filters by has not.';
create index letters_subject_idx on public.letters (subject);
alter table public.letters enable row level security;
alter table public.letters force row level security;
grant select on public.letters to authenticated;
create policy letters_own on public.letters for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));

create table public.readings (
    id bigint not null, sensor text not null, taken_at timestamptz not null, body text, primary key (id, taken_at)
) partition by range (taken_at);
comment on table public.readings is 'owner: growth. rows: 6_000_000. By month; a month is a sixth of it.';
comment on column public.readings.sensor is 'distinct: 50_000';
create table public.readings_2026_01 partition of public.readings for values from ('2026-01-01') to ('2026-02-01');
create table public."readings 2026-02" partition of public.readings for values from ('2026-02-01') to ('2026-03-01');
create table public.readings_rest partition of public.readings default partition by hash (id);
create table public.readings_rest_0 partition of public.readings_rest for values with (modulus 2, remainder 0);
create table public.readings_rest_1 partition of public.readings_rest for values with (modulus 2, remainder 1);
comment on table public.readings_rest_1 is 'rows: 30_000.';

create table public.parcels (
    id bigint primary key, tenant text not null, code text not null, opened_at timestamptz, "closedAt" timestamptz
);
comment on table public.parcels is 'owner: growth. Its index begins with the tenant, or with a moment.';
comment on column public.parcels.tenant is 'distinct: 300';
comment on column public.parcels.code is 'distinct: 9_000_000';
comment on column public.parcels.opened_at is 'distinct: 8_000_000';
create index parcels_tenant_code_idx on public.parcels (tenant, code);
create index parcels_opened_at_tenant_idx on public.parcels (opened_at, tenant);
create index parcels_open_idx on public.parcels (code, tenant) where "closedAt" is null;
