-- Leads: an address that asked to hear from Clarivum, once per source.
create table public.leads (
    id uuid primary key default gen_random_uuid(),
    email text not null check (char_length(email) between 3 and 320),
    source text not null check (char_length(source) between 1 and 80),
    vertical text check (char_length(vertical) between 1 and 80),
    marketing_opt_in boolean not null default false,
    utm jsonb not null default '{}' check (jsonb_typeof(utm) = 'object'),
    status text not null default 'captured' check (status in ('captured', 'enriched', 'anonymised')),
    audience text check (audience in ('business', 'personal')),
    last_seen_at timestamptz not null default now(),
    enriched_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    revision integer not null default 1,
    deleted_at timestamptz
);

comment on table public.leads is 'owner: growth. Addresses that asked to hear from us, one row per email and source.';

create trigger leads_touch before update on public.leads
    for each row execute function clarivum.touch();

create unique index leads_email_source_key on public.leads (lower(email), source) where deleted_at is null;
create index leads_created_at_idx on public.leads (created_at desc, id desc) where deleted_at is null;
create index leads_source_created_at_idx on public.leads (source, created_at desc, id desc) where deleted_at is null;
create index leads_status_created_at_idx on public.leads (status, created_at desc, id desc) where deleted_at is null;
create index leads_source_status_created_at_idx
    on public.leads (source, status, created_at desc, id desc) where deleted_at is null;
create index leads_inactive_idx on public.leads (last_seen_at) where deleted_at is null and status <> 'anonymised';

alter table public.leads enable row level security;
alter table public.leads force row level security;

grant select on public.leads to clarivum_staff;
grant select, insert, update on public.leads to clarivum_worker;

create policy leads_staff_read on public.leads for select to clarivum_staff
    using ((select clarivum.has_any_role('{editor,admin}')) and deleted_at is null);

-- Capturing and enriching are the platform's own acts: a visitor holds no privilege on this table.
create policy leads_worker_read on public.leads for select to clarivum_worker using (deleted_at is null);
create policy leads_worker_add on public.leads for insert to clarivum_worker with check (deleted_at is null);
create policy leads_worker_change on public.leads for update to clarivum_worker
    using (deleted_at is null) with check (true);
