-- author: platform
-- Background jobs: the ledger that makes an effect happen once, dead letters, schedules, and how a queue is made.
-- Statements of the worker are in src/clarivum/jobs/queries.sql; only what must hold whoever writes is a function here.

-- One row per (job, idempotency key), inserted when the run is first claimed and changed once or twice more. No index
-- names a column that those changes touch, so each is a heap-only one; and there is one constraint, because Postgres
-- prepares every constraint anew for every statement (with ten, a change cost twice as much).
create table clarivum.job_runs (
    run_id uuid primary key,
    lease_token uuid,
    enqueued_at timestamptz not null,
    started_at timestamptz not null default clock_timestamp(),
    claimable_at timestamptz,
    finished_at timestamptz,
    replays integer not null default 0,
    attempt smallint not null,
    state text not null,
    job text not null,
    key text not null,
    message_id text not null,
    history jsonb not null default '[]',
    constraint job_runs_state check (
        case state
            when 'running' then lease_token is not null and claimable_at is not null and finished_at is null
            when 'waiting' then lease_token is null and claimable_at is not null and finished_at is null
            when 'done' then lease_token is null and claimable_at is null and finished_at is not null
            when 'dead' then lease_token is null and claimable_at is null and finished_at is not null
            else false
        end
    )
) with (
    fillfactor = 75,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);
comment on table clarivum.job_runs is
    'owner: platform. The ledger: one row per job and idempotency key, written in the transaction of the job''s effect.';
comment on column clarivum.job_runs.run_id is 'Derived from job and key (SHA-256, UUID version 8), so every enqueue of a key is the same run.';
comment on column clarivum.job_runs.lease_token is 'Who may finish the running attempt. A commit under another token is refused.';
comment on column clarivum.job_runs.claimable_at is 'When another attempt may begin: the end of the lease, or of the wait after a failure.';
comment on column clarivum.job_runs.attempt is 'Attempts begun, counted before the handler runs.';
comment on column clarivum.job_runs.replays is 'Messages that found the run finished, or held by another message.';
comment on column clarivum.job_runs.message_id is 'The message that carries the run; any other of the same key is a replay.';
comment on column clarivum.job_runs.history is 'Failed attempts: attempt, at, error, message (scrubbed).';

-- Recent runs of a job, and the finished ones past their retention. started_at never changes.
create index job_runs_job_started_at_idx on clarivum.job_runs (job, started_at desc);

alter table clarivum.job_runs enable row level security;
alter table clarivum.job_runs force row level security;
grant select, insert, update, delete on clarivum.job_runs to clarivum_worker;
create policy job_runs_worker on clarivum.job_runs for all to clarivum_worker using (true) with check (true);

create table clarivum.dead_letters (
    run_id uuid primary key,
    died_at timestamptz not null default clock_timestamp(),
    job text not null check (char_length(job) between 3 and 47),
    key text check (char_length(key) between 1 and 255),
    attempts smallint not null check (attempts >= 0),
    error text not null,
    message text not null,
    payload jsonb,
    headers jsonb
);
comment on table clarivum.dead_letters is
    'owner: platform. Jobs that were given up, with the payload that redrive sends again. A redriven one leaves this table.';
comment on column clarivum.dead_letters.key is 'Null when the payload could not be read: such a letter has no row in the ledger.';

create index dead_letters_died_at_idx on clarivum.dead_letters (died_at desc);
create index dead_letters_job_died_at_idx on clarivum.dead_letters (job, died_at desc);
create index dead_letters_error_died_at_idx on clarivum.dead_letters (error, died_at desc);
create index dead_letters_job_error_died_at_idx on clarivum.dead_letters (job, error, died_at desc);

alter table clarivum.dead_letters enable row level security;
alter table clarivum.dead_letters force row level security;
grant select, insert, delete on clarivum.dead_letters to clarivum_worker;
create policy dead_letters_worker on clarivum.dead_letters for all to clarivum_worker using (true) with check (true);

create table clarivum.schedules (
    job text primary key check (char_length(job) between 3 and 47),
    last_tick timestamptz not null
);
comment on table clarivum.schedules is
    'owner: platform. The last tick of each scheduled job that was dealt with; its row is locked while a tick is enqueued.';

alter table clarivum.schedules enable row level security;
alter table clarivum.schedules force row level security;
grant select, insert, update on clarivum.schedules to clarivum_worker;
create policy schedules_worker on clarivum.schedules for all to clarivum_worker using (true) with check (true);

-- The fence: a run is finished by the holder of its lease or not at all. Sent in one pipeline with the effect and
-- COMMIT, so it must fail by itself: a count that only the client looks at would come too late.
create function clarivum.finish_run(run_id uuid, token uuid) returns void
    language plpgsql volatile security invoker set search_path = '' as
$$
begin
    update clarivum.job_runs as run
    set state = 'done', lease_token = null, claimable_at = null, finished_at = clock_timestamp()
    where run.run_id = finish_run.run_id and run.lease_token = finish_run.token;
    if not found then
        raise exception 'the lease of run % was lost', finish_run.run_id using errcode = 'CJ001';
    end if;
end
$$;
comment on function clarivum.finish_run(uuid, uuid) is
    'Mark a run as done under its lease token; SQLSTATE CJ001 if it is no longer held, which undoes the transaction.';

-- A queue for one job. Idempotent; called by a migration or by the deployment, with the login that owns the schema.
create function clarivum.create_queue(queue text) returns void
    language plpgsql volatile security invoker set search_path = '' as
$$
declare
    kind text;
begin
    if queue !~ '^[a-z][a-z0-9_]{2,46}$' then
        raise exception 'queue name % must be 3 to 47 lower-case letters, digits and _', quote_literal(queue);
    end if;
    perform pgmq.create(queue);
    foreach kind in array array['q_', 'a_'] loop
        execute format('alter table pgmq.%I enable row level security', kind || queue);
        execute format('grant select, insert, update, delete on pgmq.%I to clarivum_worker', kind || queue);
        execute format('drop policy if exists clarivum_worker on pgmq.%I', kind || queue);
        execute format(
            'create policy clarivum_worker on pgmq.%I for all to clarivum_worker using (true) with check (true)',
            kind || queue
        );
    end loop;
    -- A queue turns over completely: vacuum by count, and without pausing, or the dead entries slow every fetch.
    execute format(
        'alter table pgmq.%I set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
            autovacuum_vacuum_cost_delay = 0)',
        'q_' || queue
    );
end
$$;
comment on function clarivum.create_queue(text) is 'Create the queue of a job, for clarivum_worker alone; nothing happens if it is there.';

-- Dynamic because each queue is a table. Counts every message: for people and for gauges, not for the hot path.
create function clarivum.queue_status(queue text)
    returns table (depth bigint, ready bigint, running bigint, waiting bigint, oldest_age_s double precision)
    language plpgsql stable security invoker set search_path = '' as
$$
begin
    return query execute format(
        $query$
        select count(*),
               count(*) filter (where message.vt <= clock_timestamp()),
               count(*) filter (where run.state = 'running'),
               count(*) filter (where run.state = 'waiting'),
               coalesce(extract(epoch from clock_timestamp() - min(message.enqueued_at)), 0)::double precision
        from pgmq.%I as message
        left join clarivum.job_runs as run
            on message.vt > clock_timestamp()
            and run.run_id = case
                when message.headers ->> 'run_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                then (message.headers ->> 'run_id')::uuid
            end
        $query$,
        'q_' || queue
    );
end
$$;
comment on function clarivum.queue_status(text) is
    'Messages of a queue: all, visible now, being worked on, waiting for a retry; and the age of the oldest in seconds.';

create function clarivum.find_message(queue text, run_id text)
    returns table (enqueued_at timestamptz, visible_at timestamptz)
    language plpgsql stable security invoker set search_path = '' as
$$
begin
    return query execute format(
        'select enqueued_at, vt from pgmq.%I where headers ->> ''run_id'' = $1 order by msg_id limit 1', 'q_' || queue
    ) using run_id;
end
$$;
comment on function clarivum.find_message(text, text) is 'The oldest message of a run in a queue, for people who ask where it is.';

revoke execute on function
    clarivum.finish_run(uuid, uuid), clarivum.create_queue(text), clarivum.queue_status(text),
    clarivum.find_message(text, text)
    from public;
grant execute on function
    clarivum.finish_run(uuid, uuid), clarivum.queue_status(text), clarivum.find_message(text, text)
    to clarivum_worker;

-- The engine's own functions are executable by PUBLIC; the schema is what keeps everybody else out.
grant usage on schema pgmq to clarivum_worker;
grant select on pgmq.meta to clarivum_worker;
revoke all on schema pgmq from anon, authenticated;
