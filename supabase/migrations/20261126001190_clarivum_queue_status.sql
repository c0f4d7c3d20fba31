-- author: platform
-- The state of a queue without reading the ledger: a run is looked up for each hidden message alone, by its key. The
-- join that was here before read all of the ledger once it held many runs, every fifteen seconds in each worker.

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
               count(*) filter (where message.state = 'waiting'),
               coalesce(extract(epoch from clock_timestamp() - min(message.enqueued_at)), 0)::double precision
        from (
            select queued.enqueued_at, queued.vt > clock_timestamp() as is_hidden,
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
