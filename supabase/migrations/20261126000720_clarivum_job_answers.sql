-- author: platform
-- Answers of systems outside, noted as soon as they came: an attempt that is made again does not ask again.

create table clarivum.job_answers (
    run_id uuid not null,
    name text not null check (char_length(name) between 1 and 64),
    recorded_at timestamptz not null default clock_timestamp(),
    job text not null check (char_length(job) between 3 and 47),
    answer jsonb not null,
    primary key (run_id, name)
);
comment on table clarivum.job_answers is
    'owner: platform. rows: 100000. What calls of `run.once` were answered; forgotten after the run that asked.';

create index job_answers_job_recorded_at_idx on clarivum.job_answers (job, recorded_at);

alter table clarivum.job_answers enable row level security;
alter table clarivum.job_answers force row level security;
grant select, insert, delete on clarivum.job_answers to clarivum_worker;
create policy job_answers_worker on clarivum.job_answers for all to clarivum_worker using (true) with check (true);
