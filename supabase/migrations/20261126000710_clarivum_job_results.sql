-- author: platform
-- What finished runs leave behind, for the time that their job declares.

create table clarivum.job_results (
    run_id uuid primary key,
    kept_until timestamptz not null,
    job text not null check (char_length(job) between 3 and 47),
    result jsonb not null
);
comment on table clarivum.job_results is
    'owner: platform. rows: 100000. Results of runs, written in the transaction that finished the run. No personal data.';

create index job_results_job_kept_until_idx on clarivum.job_results (job, kept_until);

alter table clarivum.job_results enable row level security;
alter table clarivum.job_results force row level security;
grant select, insert, update, delete on clarivum.job_results to clarivum_worker;
create policy job_results_worker on clarivum.job_results for all to clarivum_worker using (true) with check (true);
