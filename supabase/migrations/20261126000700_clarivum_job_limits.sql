-- author: platform
-- Limits of a job over all its workers: how many runs at once, and how often one may begin.

-- One row for each run that may be in progress at once. A worker that is killed gives nothing back: its lease runs out.
create table clarivum.job_permits (
    job text not null check (char_length(job) between 3 and 47),
    place bigint not null check (place between 1 and 1000),
    holder uuid,
    free_at timestamptz not null default '-infinity',
    primary key (job, place)
) with (fillfactor = 50);
comment on table clarivum.job_permits is
    'owner: platform. rows: 1000. The places of jobs with a limit over all workers; who has one may run one run of it.';
comment on column clarivum.job_permits.free_at is 'When somebody else may take it: the end of the holder''s lease.';

alter table clarivum.job_permits enable row level security;
alter table clarivum.job_permits force row level security;
grant select, insert, update on clarivum.job_permits to clarivum_worker;
create policy job_permits_worker on clarivum.job_permits for all to clarivum_worker using (true) with check (true);

-- The generic cell rate algorithm (ITU-T I.371): one timestamp a job says how much of its rate is used.
create table clarivum.job_rates (
    job text primary key check (char_length(job) between 3 and 47),
    full_at timestamptz not null
) with (fillfactor = 50);
comment on table clarivum.job_rates is
    'owner: platform. rows: 100. Jobs with a rate over all workers: when the next run would begin if none had been early.';

alter table clarivum.job_rates enable row level security;
alter table clarivum.job_rates force row level security;
grant select, insert, update on clarivum.job_rates to clarivum_worker;
create policy job_rates_worker on clarivum.job_rates for all to clarivum_worker using (true) with check (true);

create function clarivum.take_permits(job text, most integer, wanted integer, holder uuid, lease_s double precision)
    returns setof bigint
    language plpgsql volatile security invoker set search_path = '' as
$$
declare
    taken integer;
begin
    for pass in 1 .. 2 loop
        return query
            update clarivum.job_permits as permit
            set holder = take_permits.holder, free_at = clock_timestamp() + make_interval(secs => lease_s)
            from (
                select candidate.place from clarivum.job_permits as candidate
                where candidate.job = take_permits.job and candidate.place <= most
                    and candidate.free_at <= clock_timestamp()
                order by candidate.place
                limit wanted
                for update skip locked
            ) as free
            where permit.job = take_permits.job and permit.place = free.place
            returning permit.place;
        get diagnostics taken = row_count;
        exit when taken > 0 or pass = 2 or exists (
            select from clarivum.job_permits as last where last.job = take_permits.job and last.place = most
        );
        insert into clarivum.job_permits (job, place)
        select take_permits.job, place from generate_series(1, most) as place
        on conflict do nothing;
    end loop;
end
$$;
comment on function clarivum.take_permits(text, integer, integer, uuid, double precision) is
    'Lease up to `wanted` free places of a job with a limit of `most`, making the rows on first use; returns which.';

create function clarivum.take_tokens(job text, wanted integer, spacing_s double precision, burst integer)
    returns table (granted integer, wait_s double precision)
    language plpgsql volatile security invoker set search_path = '' as
$$
declare
    known_full_at timestamptz;
    ahead_s double precision;
begin
    insert into clarivum.job_rates (job, full_at) values (take_tokens.job, '-infinity') on conflict do nothing;
    select known.full_at into known_full_at from clarivum.job_rates as known where known.job = take_tokens.job for update;
    -- only now, with the row locked, is the clock read: what it says is later than whatever was granted before
    ahead_s := greatest(0, extract(epoch from greatest(known_full_at, clock_timestamp()) - clock_timestamp()));
    granted := least(wanted, greatest(0, floor(burst - ahead_s / spacing_s + 1e-6)))::integer;
    if granted > 0 then
        update clarivum.job_rates as known
        set full_at = greatest(known_full_at, clock_timestamp()) + make_interval(secs => granted * spacing_s)
        where known.job = take_tokens.job;
    end if;
    wait_s := greatest(0, ahead_s + (granted - burst + 1) * spacing_s);
    return next;
end
$$;
comment on function clarivum.take_tokens(text, integer, double precision, integer) is
    'How many of `wanted` runs may begin now, at one every `spacing_s` and `burst` at once, and when another may.';

revoke execute on function
    clarivum.take_permits(text, integer, integer, uuid, double precision),
    clarivum.take_tokens(text, integer, double precision, integer)
    from public;
grant execute on function
    clarivum.take_permits(text, integer, integer, uuid, double precision),
    clarivum.take_tokens(text, integer, double precision, integer)
    to clarivum_worker;
