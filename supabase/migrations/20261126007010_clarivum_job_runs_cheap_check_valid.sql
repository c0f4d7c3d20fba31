-- author: platform
-- What the file before says of new rows holds for all. In a transaction of its own, so that the scan holds a lock that
-- readers and writers pass.

alter table clarivum.job_runs validate constraint job_runs_state;
