-- name: report_rates -> many, writes
-- Add what callers used, in seconds of their rates, and learn how far each is from a full bucket. One order for all
-- processes, so that two reports never wait for each other.
insert into clarivum.rate_limits as known (bucket, full_at)
select bucket, now() + make_interval(secs => used_s)
from unnest(%(buckets)s::bytea[], %(used_s)s::double precision[]) as reported (bucket, used_s)
order by bucket
on conflict (bucket) do update set full_at = greatest(known.full_at, now()) + (excluded.full_at - now())
returning bucket, extract(epoch from full_at - now())::double precision as missing_s;

-- name: forget_full_rates -> none
delete from clarivum.rate_limits where bucket = any(array(
    select bucket from clarivum.rate_limits where full_at < now()
    order by full_at limit %(count)s for update skip locked
));
