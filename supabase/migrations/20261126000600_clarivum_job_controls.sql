-- author: platform
-- What an operator may do to jobs: pause and resume them, cancel a run.

create table clarivum.job_pauses (
    job text primary key check (char_length(job) between 3 and 47),
    paused_at timestamptz not null default clock_timestamp(),
    paused_by text not null check (char_length(paused_by) between 1 and 255),
    reason text not null check (char_length(reason) <= 500)
);
comment on table clarivum.job_pauses is
    'owner: platform. rows: 100. Jobs that no worker may begin a run of, since when, by whom and why. Deleted to resume.';

alter table clarivum.job_pauses enable row level security;
alter table clarivum.job_pauses force row level security;
grant select, insert, update, delete on clarivum.job_pauses to clarivum_worker;
create policy job_pauses_worker on clarivum.job_pauses for all to clarivum_worker using (true) with check (true);

-- A cancelled run is settled like a finished one: whatever message comes for it finds it taken.
alter table clarivum.job_runs drop constraint job_runs_state;
alter table clarivum.job_runs add constraint job_runs_state check (
    case state
        when 'running' then lease_token is not null and claimable_at is not null and finished_at is null
        when 'waiting' then lease_token is null and claimable_at is not null and finished_at is null
        when 'done' then lease_token is null and claimable_at is null and finished_at is not null
        when 'dead' then lease_token is null and claimable_at is null and finished_at is not null
        when 'cancelled' then lease_token is null and claimable_at is null and finished_at is not null
        else false
    end
) not valid;  -- the next file validates it, without stopping the readers

-- Dynamic because each queue is a table. Reads the whole queue: for people. Nothing where the queue is elsewhere.
create function clarivum.take_message(queue text, run_id text)
    returns table (key text, message_id text, enqueued_at timestamptz)
    language plpgsql volatile security invoker set search_path = '' as
$$
begin
    if to_regclass(format('pgmq.%I', 'q_' || queue)) is null then
        return;
    end if;
    return query execute format(
        $query$
        delete from pgmq.%I as message where message.headers ->> 'run_id' = $1
        returning message.headers ->> 'key', message.msg_id::text, message.enqueued_at
        $query$,
        'q_' || queue
    ) using run_id;
end
$$;
comment on function clarivum.take_message(text, text) is
    'Remove the messages of a run from a queue before anybody fetched them, and tell which they were.';
revoke execute on function clarivum.take_message(text, text) from public;
grant execute on function clarivum.take_message(text, text) to clarivum_worker;
