-- author: platform
-- Postgres parses and prepares a check anew for every statement: finishing a run took 93 µs with the one that spelled out
-- every state, and 62 with none. What is left says the one thing that may never be: a finished run that can be claimed.
-- The rest is kept by the statements that write states (src/clarivum/jobs/queries.sql) and by the tests, which look at
-- every row that they leave behind. See docs/adr/0016. The next file validates it, without stopping the readers.
alter table clarivum.job_runs drop constraint job_runs_state;
alter table clarivum.job_runs
    add constraint job_runs_state check (finished_at is null or claimable_at is null) not valid;
