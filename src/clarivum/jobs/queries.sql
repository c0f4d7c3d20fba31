-- Statements of producer, worker, scheduler and command line, all under clarivum_worker.
-- Those that join `durability` may be forgotten by a server that crashes within the next second: what they did is then
-- simply done again. Effects, finished runs and enqueued messages are never committed that way.

-- name: wake_workers -> none, writes
-- Tell listening workers that a queue has something to read.
select pg_notify('clarivum_jobs', %(queue)s);

-- name: receive_messages -> many, writes
-- Hide up to `limit` visible messages for `visibility_s` and return them, oldest first.
select message.msg_id, message.read_ct as receives, message.enqueued_at, message.message::text as body,
    message.headers ->> 'job' as job, message.headers ->> 'schema_version' as schema_version,
    message.headers ->> 'traceparent' as traceparent, message.headers ->> 'tracestate' as tracestate,
    message.headers ->> 'baggage' as baggage, message.headers ->> 'unique_from' as unique_from,
    message.headers ->> 'due_at' as due_at
from (select set_config('synchronous_commit', 'off', true)) as durability
cross join pgmq.read(%(queue)s, %(visibility_s)s::integer, %(limit)s::integer) as message;

-- name: postpone_messages -> none, writes
-- Hide messages until `delay_s` from now; 0 shows them at once.
select pgmq.set_vt(%(queue)s, message_id, %(delay_s)s::integer)
from unnest(%(message_ids)s::bigint[]) as message_id
cross join (select set_config('synchronous_commit', 'off', true)) as durability;

-- name: delete_messages -> none, writes
-- Remove messages, in the transaction that settles their runs.
select pgmq.delete(%(queue)s, %(message_ids)s::bigint[]);

-- name: delete_finished_messages -> none, writes
-- Remove messages whose runs are finished. Forgotten, it makes each a replay.
select pgmq.delete(%(queue)s, %(message_ids)s::bigint[])
from (select set_config('synchronous_commit', 'off', true)) as durability;

-- name: queue_status -> one, writes
-- Not a write; but it may count a million messages, so it gets a connection of its own.
select depth, ready, running, waiting, oldest_age_s from clarivum.queue_status(%(queue)s);

-- name: declared_queues -> many
-- Which of the queues exist.
select queue_name from pgmq.meta where queue_name = any (%(queues)s::text[]);

-- name: claim_runs -> many
-- Begin an attempt at each run that is new or due, and count it before the handler sees it. Runs that are not returned
-- are finished, held or lost: see examine_runs. Only `recover` takes a run whose holder disappeared. Ordered, so that two
-- workers with the same runs do not lock each other out.
insert into clarivum.job_runs as run
    (run_id, lease_token, enqueued_at, claimable_at, attempt, state, job, key, message_id)
select message.run_id, %(token)s::uuid, message.enqueued_at,
    clock_timestamp() + make_interval(secs => %(lease_s)s::double precision), 1, 'running', %(job)s, message.key,
    message.message_id
from unnest(%(run_ids)s::uuid[], %(keys)s::text[], %(message_ids)s::text[], %(enqueued_at)s::timestamptz[])
    as message (run_id, key, message_id, enqueued_at)
cross join (select set_config('synchronous_commit', 'off', true)) as durability
order by message.run_id
on conflict (run_id) do update
set state = 'running', attempt = run.attempt + 1, lease_token = excluded.lease_token,
    claimable_at = excluded.claimable_at, message_id = excluded.message_id,
    history = case run.state
        when 'waiting' then run.history
        else run.history || jsonb_build_object(
            'attempt', run.attempt, 'at', run.claimable_at, 'error', 'AttemptLost',
            'message', 'the process that ran this attempt disappeared'
        )
    end
where run.claimable_at <= clock_timestamp() and (run.state = 'waiting' or %(recover)s::boolean)
returning run.run_id, run.attempt;

-- name: examine_runs -> many
-- Why runs were not claimed. `is_lost`: running, and its lease is over. `wait_s`: until it may be claimed again.
select run_id, state, message_id, state = 'running' and claimable_at <= clock_timestamp() as is_lost,
    coalesce(extract(epoch from claimable_at - clock_timestamp()), 0)::double precision as wait_s
from clarivum.job_runs
where run_id = any (%(run_ids)s::uuid[]);

-- name: claim_finished -> many
-- The batch's fence: enter runs as done in the transaction that does their work. A concurrent one of the same run waits
-- here for our outcome, and then finds it taken.
insert into clarivum.job_runs (run_id, enqueued_at, finished_at, attempt, state, job, key, message_id)
select message.run_id, message.enqueued_at, clock_timestamp(), 1, 'done', %(job)s, message.key, message.message_id
from unnest(%(run_ids)s::uuid[], %(keys)s::text[], %(message_ids)s::text[], %(enqueued_at)s::timestamptz[])
    as message (run_id, key, message_id, enqueued_at)
order by message.run_id
on conflict (run_id) do nothing
returning run_id;

-- name: finish_run -> none, writes
-- Settle a run in the transaction of its effect; fails when the lease is no longer ours.
with finished as (
    update clarivum.job_runs
    set state = 'done', lease_token = null, claimable_at = null, finished_at = clock_timestamp()
    where run_id = %(run_id)s and lease_token = %(token)s
    returning run_id
)
select clarivum.lost_lease(%(run_id)s::uuid) where not exists (select from finished);

-- name: extend_leases -> many
-- The heartbeat. Returns the runs that are still ours.
update clarivum.job_runs set claimable_at = clock_timestamp() + make_interval(secs => %(lease_s)s::double precision)
where run_id = any (%(run_ids)s::uuid[]) and lease_token = any (%(tokens)s::uuid[])
returning run_id;

-- name: retry_run -> none
-- The attempt failed; another may begin after `delay_s`. Nothing happens when the lease is no longer ours.
update clarivum.job_runs
set state = 'waiting', lease_token = null,
    claimable_at = clock_timestamp() + make_interval(secs => %(delay_s)s::double precision),
    history = history || jsonb_build_object(
        'attempt', attempt, 'at', clock_timestamp(), 'error', %(error)s::text, 'message', %(message)s::text
    )
where run_id = %(run_id)s and lease_token = %(token)s;

-- name: release_runs -> none
-- The attempt was not carried out: it does not count, and another may begin at once.
update clarivum.job_runs
set state = 'waiting', lease_token = null, claimable_at = clock_timestamp(), attempt = attempt - 1
where run_id = any (%(run_ids)s::uuid[]) and lease_token = any (%(tokens)s::uuid[]);

-- name: forgive_run -> none
-- The attempt was cut off from the database: another may begin after `delay_s`, and this one does not count, `most` times in
-- the life of a run. Nothing happens when the lease is no longer ours: the attempt's COMMIT may have come through.
update clarivum.job_runs
set state = 'waiting', lease_token = null, attempt = attempt - 1,
    claimable_at = clock_timestamp() + make_interval(secs => %(delay_s)s::double precision),
    history = history || jsonb_build_object(
        'attempt', attempt, 'at', clock_timestamp(), 'error', %(error)s::text, 'message', %(message)s::text
    )
where run_id = %(run_id)s and lease_token = %(token)s
    and (select count(*) from jsonb_array_elements(history) as entry where entry ->> 'error' = %(error)s::text)
        < %(most)s::integer;

-- name: bury_run -> none
-- The last attempt failed.
update clarivum.job_runs
set state = 'dead', lease_token = null, claimable_at = null, finished_at = clock_timestamp(),
    history = history || jsonb_build_object(
        'attempt', attempt, 'at', clock_timestamp(), 'error', %(error)s::text, 'message', %(message)s::text
    )
where run_id = %(run_id)s and lease_token = %(token)s;

-- name: bury_lost_run -> none
-- As bury_run, for a run whose last allowed attempt was lost: claiming it once more was not an attempt.
update clarivum.job_runs
set state = 'dead', lease_token = null, claimable_at = null, finished_at = clock_timestamp(), attempt = attempt - 1
where run_id = %(run_id)s and lease_token = %(token)s;

-- name: add_dead_letter -> none
-- Keep the payload of a run that was given up.
insert into clarivum.dead_letters (run_id, job, key, attempts, error, message, payload, headers)
values (%(run_id)s, %(job)s, %(key)s, %(attempts)s, %(error)s, %(message)s, %(payload)s::jsonb, %(headers)s::jsonb)
on conflict (run_id) do nothing;

-- name: count_dead_letters -> many
select job, count(*) as letters from clarivum.dead_letters group by job;

-- name: count_replays -> none
-- Messages that found their run finished, or held by another message.
update clarivum.job_runs as run set replays = run.replays + replay.messages
from unnest(%(run_ids)s::uuid[], %(messages)s::integer[]) as replay (run_id, messages)
where run.run_id = replay.run_id;

-- name: forget_finished -> none
-- Remove finished runs past their retention, a bounded number at a time.
delete from clarivum.job_runs
where run_id = any (array(
    select run_id from clarivum.job_runs
    where job = %(job)s and started_at < now() - make_interval(days => %(retention_days)s::integer)
        and state in ('done', 'cancelled') and finished_at < now() - make_interval(days => %(retention_days)s::integer)
    order by started_at
    limit %(limit)s
));

-- name: forget_dead -> none
-- Remove dead letters past their time and what the ledger knows of them: their keys are free again. A letter that is
-- redriven at this moment is not here any more.
with letters as (
    delete from clarivum.dead_letters
    where run_id = any (array(
        select run_id from clarivum.dead_letters
        where job = %(job)s and died_at < now() - make_interval(days => %(errors_days)s::integer)
        order by died_at
        limit %(limit)s
    ))
    returning run_id
)
delete from clarivum.job_runs as run
using letters
where run.run_id = letters.run_id and run.state = 'dead';

-- name: keep_result -> none
-- What a run leaves behind, in the transaction that finishes it.
insert into clarivum.job_results (run_id, kept_until, job, result)
values (%(run_id)s, clock_timestamp() + make_interval(days => %(results_days)s::integer), %(job)s, %(result)s::jsonb)
on conflict (run_id) do update set kept_until = excluded.kept_until, result = excluded.result;

-- name: result_by_id -> maybe
select run_id, job, kept_until, result from clarivum.job_results where run_id = %(run_id)s and kept_until > now();

-- name: forget_results -> none
delete from clarivum.job_results
where run_id = any (array(
    select run_id from clarivum.job_results
    where job = %(job)s and kept_until <= now()
    order by kept_until
    limit %(limit)s
));

-- name: recorded_answer -> maybe
-- What an external system answered to this or an earlier attempt.
select answer from clarivum.job_answers where run_id = %(run_id)s and name = %(name)s;

-- name: record_answer -> none
-- The first answer stays.
insert into clarivum.job_answers (run_id, name, job, answer)
values (%(run_id)s, %(name)s, %(job)s, %(answer)s::jsonb)
on conflict (run_id, name) do nothing;

-- name: first_answer -> one
select answer from clarivum.job_answers where run_id = %(run_id)s and name = %(name)s;

-- name: forget_answers -> none
-- Answers of runs that the ledger has forgotten: a run that may still be tried keeps its own.
delete from clarivum.job_answers
where run_id = any (array(
    select answer.run_id from clarivum.job_answers as answer
    where answer.job = %(job)s and answer.recorded_at < now() - make_interval(days => %(retention_days)s::integer)
        and not exists (select from clarivum.job_runs as run where run.run_id = answer.run_id)
    order by answer.recorded_at
    limit %(limit)s
));

-- name: take_permits -> many, writes
-- Lease free places of a job with a limit over all workers.
select place from clarivum.take_permits(
    %(job)s::text, %(most)s::integer, %(wanted)s::integer, %(holder)s::uuid, %(lease_s)s::double precision
) as place;

-- name: renew_permits -> many
-- Those that are still the holder's.
update clarivum.job_permits set free_at = clock_timestamp() + make_interval(secs => %(lease_s)s::double precision)
where job = %(job)s and place = any (%(places)s::bigint[]) and holder = %(holder)s
returning place;

-- name: return_permits -> none
-- Forgotten, they are free when their lease is over.
update clarivum.job_permits set holder = null, free_at = '-infinity'
from (select set_config('synchronous_commit', 'off', true)) as durability
where job = %(job)s and place = any (%(places)s::bigint[]) and holder = %(holder)s;

-- name: take_tokens -> one, writes
-- How many runs may begin now under a job's rate, and after how long another one.
select granted, wait_s from clarivum.take_tokens(
    %(job)s::text, %(wanted)s::integer, %(spacing_s)s::double precision, %(burst)s::integer
);

-- name: add_schedule -> none
-- First sight of a schedule: what lies in the past is not due.
insert into clarivum.schedules (job, last_tick) values (%(job)s, clock_timestamp()) on conflict (job) do nothing;

-- name: lock_schedule -> maybe
-- The last tick that was dealt with, and the database's clock; nothing while another process holds the row.
select last_tick, clock_timestamp() as now from clarivum.schedules where job = %(job)s for update skip locked;

-- name: note_tick -> none
update clarivum.schedules set last_tick = %(tick)s where job = %(job)s;

-- name: run_by_id -> maybe
-- One run as the ledger knows it.
select run_id, job, key, state, attempt, replays, enqueued_at, started_at, finished_at, claimable_at, history
from clarivum.job_runs
where run_id = %(run_id)s;

-- name: dead_letter_by_id -> maybe
select run_id, died_at, job, key, attempts, error, message
from clarivum.dead_letters
where run_id = %(run_id)s;

-- name: queued_run -> maybe, slow
-- The oldest message of a run in one queue. Reads the queue's table: for people.
select enqueued_at, visible_at from clarivum.find_message(%(queue)s, %(run_id)s);

-- name: latest_run -> maybe
-- The run that was started last, of any of the jobs.
select latest.run_id
from unnest(%(jobs)s::text[]) as wanted (job)
cross join lateral (
    select run.run_id, run.started_at from clarivum.job_runs as run
    where run.job = wanted.job
    order by run.started_at desc
    limit 1
) as latest
order by latest.started_at desc
limit 1;

-- name: latest_dead_letters -> many
-- The newest dead letters; `error` narrows to one class.
select run_id, died_at, job, key, attempts, error, message
from clarivum.dead_letters
where died_at >= %(since)s and (%(error)s::text is null or error = %(error)s)
order by died_at desc
limit %(limit)s;

-- name: dead_letters_of_job -> many
select run_id, died_at, job, key, attempts, error, message
from clarivum.dead_letters
where job = %(job)s and died_at >= %(since)s and (%(error)s::text is null or error = %(error)s)
order by died_at desc
limit %(limit)s;

-- name: take_dead_letters -> many
-- Dead letters of one job, on their way to be sent again; those that were still there. A message without a body was null.
delete from clarivum.dead_letters
where run_id = any (%(run_ids)s::uuid[]) and job = %(job)s
returning run_id, coalesce(payload, 'null')::text as payload, coalesce(headers, '{}')::text as headers;

-- name: reset_runs -> none
-- All their attempts lie ahead of them again, and whichever message comes first carries them.
update clarivum.job_runs
set state = 'waiting', attempt = 0, claimable_at = clock_timestamp(), finished_at = null, message_id = ''
where run_id = any (%(run_ids)s::uuid[]) and state = 'dead';

-- name: pause_job -> one
-- Let no worker begin a run of this job. `is_new`: it was not paused before; by whom and why is kept from the last time.
insert into clarivum.job_pauses as pause (job, paused_by, reason) values (%(job)s, %(paused_by)s, %(reason)s)
on conflict (job) do update set paused_by = excluded.paused_by, reason = excluded.reason
returning xmax = 0 as is_new;

-- name: resume_job -> none
delete from clarivum.job_pauses where job = %(job)s;

-- name: paused_jobs -> many
select job, paused_at, paused_by, reason from clarivum.job_pauses order by job limit 1000;

-- name: cancel_run -> maybe
-- Settle a run that has begun and not ended. Who carries it out cannot commit any more. `was`: its state until now.
update clarivum.job_runs as run
set state = 'cancelled', lease_token = null, claimable_at = null, finished_at = clock_timestamp(),
    history = run.history || jsonb_build_object(
        'attempt', run.attempt, 'at', clock_timestamp(), 'error', 'Cancelled', 'message', %(reason)s::text
    )
from (select run_id, state from clarivum.job_runs where run_id = %(run_id)s for update) as was
where run.run_id = was.run_id and run.state in ('running', 'waiting')
returning was.state as was;

-- name: take_message -> many, writes
-- Remove the messages of a run from one queue. Reads the queue's table: for people.
select key, message_id, enqueued_at from clarivum.take_message(%(queue)s, %(run_id)s);

-- name: enter_cancelled -> maybe
-- Settle a run that nobody has begun: whatever message comes for it finds it taken.
insert into clarivum.job_runs (run_id, enqueued_at, finished_at, attempt, state, job, key, message_id, history)
values (%(run_id)s, coalesce(%(enqueued_at)s::timestamptz, clock_timestamp()), clock_timestamp(), 0, 'cancelled',
    %(job)s, %(key)s, %(message_id)s, jsonb_build_array(jsonb_build_object(
        'attempt', 0, 'at', clock_timestamp(), 'error', 'Cancelled', 'message', %(reason)s::text
    )))
on conflict (run_id) do nothing
returning run_id;

-- name: cancelled_among -> many
-- Which of these runs were cancelled.
select run_id from clarivum.job_runs where run_id = any (%(run_ids)s::uuid[]) and state = 'cancelled';
