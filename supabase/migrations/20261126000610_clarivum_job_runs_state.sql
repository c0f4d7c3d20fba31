-- author: platform
-- Every run has one of the states that the file before allows. In a transaction of its own, so that the scan holds a lock
-- that readers and writers pass.

alter table clarivum.job_runs validate constraint job_runs_state;
