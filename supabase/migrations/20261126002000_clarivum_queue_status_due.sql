-- author: platform
-- A delayed message waits, whether or not it has a run, and is not old before it is due: with a delay of a week the age
-- of its queue would be an alarm for a week. A message that is visible is due since it became so.

create or replace function clarivum.queue_status(queue text)
    returns table (depth bigint, ready bigint, running bigint, waiting bigint, oldest_age_s double precision)
    language plpgsql stable security invoker set search_path = '' as
$$
begin
    return query execute format(
        $query$
        select count(*),
               count(*) filter (where not message.is_hidden),
               count(*) filter (where message.state = 'running'),
               count(*) filter (where message.is_hidden and coalesce(message.state, 'waiting') = 'waiting'),
               coalesce(
                   extract(epoch from clock_timestamp() - min(message.vt) filter (where not message.is_hidden)), 0
               )::double precision
        from (
            select queued.vt, queued.vt > clock_timestamp() as is_hidden,
                case when queued.vt > clock_timestamp() then (
                    select run.state from clarivum.job_runs as run
                    where run.run_id = case
                        when queued.headers ->> 'run_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                        then (queued.headers ->> 'run_id')::uuid
                    end
                ) end as state
            from pgmq.%I as queued
        ) as message
        $query$,
        'q_' || queue
    );
end
$$;
comment on function clarivum.queue_status(text) is
    'Messages of a queue: all, visible now, being worked on, waiting for a retry or a delay; and for how many seconds the oldest visible one has been so.';
