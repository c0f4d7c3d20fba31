-- author: platform
-- What callers have used of their rates, as all processes of the API know it together.

-- Unlogged: after a crash every caller begins with a full rate, which is what a restart of the API would give them, too.
create unlogged table clarivum.rate_limits (
    bucket bytea primary key check (octet_length(bucket) = 16),
    full_at timestamptz not null
) with (fillfactor = 50);
comment on table clarivum.rate_limits is
    'owner: platform. rows: 100_000. One row for each caller and route that was busy within the last window; told by each process after the fact.';
comment on column clarivum.rate_limits.bucket is 'BLAKE2b of route and caller, so that neither subject nor address is stored.';
comment on column clarivum.rate_limits.full_at is 'When the caller''s bucket will be full again (GCRA); then the row may go.';

create index rate_limits_full_at_idx on clarivum.rate_limits (full_at);

alter table clarivum.rate_limits enable row level security;
alter table clarivum.rate_limits force row level security;
grant select, insert, update, delete on clarivum.rate_limits to clarivum_worker;
create policy rate_limits_worker on clarivum.rate_limits for all to clarivum_worker using (true) with check (true);
