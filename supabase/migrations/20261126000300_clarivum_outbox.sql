-- author: platform
-- The outbox: with SQS as the queue, a job is enqueued by a row here, in the business transaction; a relay sends it.

create table clarivum.outbox (
    id bigint generated always as identity primary key,
    enqueued_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null default clock_timestamp(),
    queue text not null check (char_length(queue) between 3 and 47),
    body text not null,
    headers jsonb not null
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
comment on table clarivum.outbox is
    'owner: platform. Jobs that were enqueued and that SQS has not taken yet; a row is removed when SQS said that it has the message.';
comment on column clarivum.outbox.due_at is 'When the job may start: enqueued_at plus its delay, or later where SQS refused it for a while.';

-- What a relay takes next of each queue. The table turns over completely, so it is vacuumed by count, as queues are.
create index outbox_queue_due_at_idx on clarivum.outbox (queue, due_at, id);
-- Where a run is, before it is sent: a delayed one lies here for days.
create index outbox_queue_run_id_idx on clarivum.outbox (queue, (headers ->> 'run_id'), id);

alter table clarivum.outbox enable row level security;
alter table clarivum.outbox force row level security;
-- update: for `select … for update`, by which several relays leave each other's rows alone.
grant select, insert, update, delete on clarivum.outbox to clarivum_worker;
create policy outbox_worker on clarivum.outbox for all to clarivum_worker using (true) with check (true);
