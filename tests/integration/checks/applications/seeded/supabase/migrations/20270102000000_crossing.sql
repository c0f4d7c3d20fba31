-- author: growth
comment on column clarivum.job_runs.job is 'distinct: 40';
comment on column public.fine.body is 'Our own.';
