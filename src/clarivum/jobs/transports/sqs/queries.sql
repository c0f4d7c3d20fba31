-- Statements of the outbox and its relay, all under clarivum_worker.

-- name: add_to_outbox -> none, writes
-- Enqueue one job and wake the relays when the transaction commits. The list is evaluated in order.
with added as (
    insert into clarivum.outbox (queue, body, headers, due_at)
    values (
        %(queue)s, %(body)s, %(headers)s::jsonb,
        clock_timestamp() + make_interval(secs => %(delay_s)s::double precision)
    )
    returning queue
)
select pg_notify('clarivum_outbox', queue) from added;

-- name: take_outbox -> many
-- The first rows of each queue that are due within SQS's longest delay, locked against other relays until the end of the
-- transaction. `delay_s`: until a row is due.
select taken.id, taken.queue, taken.body, taken.headers, taken.enqueued_at,
    greatest(ceil(extract(epoch from taken.due_at - clock_timestamp())), 0)::integer as delay_s
from unnest(%(queues)s::text[]) as wanted (queue)
cross join lateral (
    select waiting.id, waiting.queue, waiting.body, waiting.headers, waiting.enqueued_at, waiting.due_at
    from clarivum.outbox as waiting
    where waiting.queue = wanted.queue
        and waiting.due_at <= statement_timestamp() + make_interval(secs => %(ahead_s)s::double precision)
    order by waiting.due_at, waiting.id
    limit %(limit)s
    for update skip locked
) as taken;

-- name: remove_sent -> none
-- Rows whose messages SQS has.
delete from clarivum.outbox where id = any (%(ids)s::bigint[]);

-- name: outbox_levels -> many
-- How many jobs of each queue wait for a relay or for their time, and since when the oldest one that is due, if one is.
select queue, count(*) as depth,
    extract(epoch from clock_timestamp() - min(due_at) filter (where due_at <= clock_timestamp()))::double precision
        as oldest_age_s
from clarivum.outbox
where queue = any (%(queues)s::text[])
group by queue;

-- name: outbox_run -> maybe
-- The oldest row of a run.
select enqueued_at, due_at from clarivum.outbox
where queue = %(queue)s and headers ->> 'run_id' = %(run_id)s::text
order by id
limit 1;

-- name: bury_unsettled -> none
-- A run whose message SQS gave up. One that somebody works on right now is left alone.
update clarivum.job_runs
set state = 'dead', lease_token = null, claimable_at = null, finished_at = clock_timestamp(),
    history = history || jsonb_build_object(
        'attempt', attempt, 'at', clock_timestamp(), 'error', %(error)s::text, 'message', %(message)s::text
    )
where run_id = %(run_id)s
    and (state = 'waiting' or (state = 'running' and claimable_at <= clock_timestamp()));
