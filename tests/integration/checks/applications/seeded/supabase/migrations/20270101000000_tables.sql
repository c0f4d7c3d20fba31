-- author: growth
-- One table for each thing that can be missing. Each has everything but that.
create table public.fine (
    id uuid primary key default gen_random_uuid(),
    subject text not null,
    source text not null,
    body text,
    created_at timestamptz not null default now()
);
comment on table public.fine is 'owner: growth. Nothing is missing here.';
create index fine_subject_idx on public.fine (subject, created_at desc);
alter table public.fine enable row level security;
alter table public.fine force row level security;
grant select, insert on public.fine to authenticated;
create policy fine_read on public.fine for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));
create policy fine_add on public.fine for insert to authenticated
    with check (subject = (select auth.jwt() ->> 'sub'));

create table public.without_rls (id bigint primary key);
comment on table public.without_rls is 'owner: growth. Row-level security was never enabled.';
grant select on public.without_rls to authenticated;
create policy without_rls_read on public.without_rls for select to authenticated using (true);

create table public.without_force (id bigint primary key);
comment on table public.without_force is 'owner: growth. Its owner is exempt.';
alter table public.without_force enable row level security;
grant select on public.without_force to authenticated;
create policy without_force_read on public.without_force for select to authenticated using (true);

create table public.without_policy (id bigint primary key);
comment on table public.without_policy is 'owner: growth. DELETE is granted, and no policy is for it.';
alter table public.without_policy enable row level security;
alter table public.without_policy force row level security;
grant select, delete on public.without_policy to authenticated;
create policy without_policy_read on public.without_policy for select to authenticated using (true);

create table public.without_owner (id bigint primary key);
comment on table public.without_owner is 'Nobody is named here.';
alter table public.without_owner enable row level security;
alter table public.without_owner force row level security;
grant select on public.without_owner to authenticated;
create policy without_owner_read on public.without_owner for select to authenticated using (true);

create table public.unknown_owner (id bigint primary key);
comment on table public.unknown_owner is 'owner: marketing. No team of owners.toml.';
alter table public.unknown_owner enable row level security;
alter table public.unknown_owner force row level security;
grant select on public.unknown_owner to authenticated;
create policy unknown_owner_read on public.unknown_owner for select to authenticated using (true);

create table public.without_grant (id bigint primary key);
comment on table public.without_grant is 'owner: growth. Granted to nobody.';
alter table public.without_grant enable row level security;
alter table public.without_grant force row level security;
create policy without_grant_read on public.without_grant for select to authenticated using (true);

create table public.truncatable (id bigint primary key);
comment on table public.truncatable is 'owner: growth. One statement empties it.';
alter table public.truncatable enable row level security;
alter table public.truncatable force row level security;
grant select, truncate on public.truncatable to authenticated;
create policy truncatable_read on public.truncatable for select to authenticated using (true);

create table public.open_to_all (id bigint primary key);
comment on table public.open_to_all is 'owner: growth. Granted to PUBLIC.';
alter table public.open_to_all enable row level security;
alter table public.open_to_all force row level security;
grant select on public.open_to_all to public;
create policy open_to_all_read on public.open_to_all for select using (true);

create table public.unindexed (id bigint primary key, subject text not null);
comment on table public.unindexed is 'owner: growth. Its policy compares a column that no index begins with.';
alter table public.unindexed enable row level security;
alter table public.unindexed force row level security;
grant select on public.unindexed to authenticated;
create policy unindexed_read on public.unindexed for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));

create table public.small_unindexed (id bigint primary key, subject text not null);
comment on table public.small_unindexed is 'owner: growth. rows: 400. As unindexed, but too small to matter.';
alter table public.small_unindexed enable row level security;
alter table public.small_unindexed force row level security;
grant select on public.small_unindexed to authenticated;
create policy small_unindexed_read on public.small_unindexed for select to authenticated
    using (subject = (select auth.jwt() ->> 'sub'));

create table public.per_row (id bigint primary key, subject text not null);
comment on table public.per_row is 'owner: growth. Its policy asks for the claims once per row.';
create index per_row_subject_idx on public.per_row (subject);
alter table public.per_row enable row level security;
alter table public.per_row force row level security;
grant select on public.per_row to authenticated;
create policy per_row_read on public.per_row for select to authenticated
    using (subject = auth.jwt() ->> 'sub');

create table public.referencing (
    id bigint primary key,
    fine_id uuid not null references public.fine (id),
    indexed_id uuid not null references public.fine (id)
);
comment on table public.referencing is 'owner: growth. One of its two references has no index.';
create index referencing_indexed_id_idx on public.referencing (indexed_id);
alter table public.referencing enable row level security;
alter table public.referencing force row level security;
grant select on public.referencing to authenticated;
create policy referencing_read on public.referencing for select to authenticated using (true);

select clarivum.create_queue('notes_with_queue');

create table public.uncounted (id bigint primary key);
comment on table public.uncounted is 'owner: growth. rows: 2M. How many that is, nobody can read.';
alter table public.uncounted enable row level security;
alter table public.uncounted force row level security;
grant select on public.uncounted to authenticated;
create policy uncounted_read on public.uncounted for select to authenticated using (true);
