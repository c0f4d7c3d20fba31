-- name: claim_key -> one, writes
-- Lock an Idempotency-Key for this transaction and say what is known of it.
select state, status, head, body
from clarivum.claim_idempotency_key(%(digest)s::bytea, %(fingerprint)s::bytea);

-- name: keep_answer -> none
-- Store the answer beside the effect. An expired answer of the same key gives way.
insert into clarivum.idempotency_keys (digest, fingerprint, route, status, head, body, expires_at)
values (
    %(digest)s::bytea, %(fingerprint)s::bytea, %(route)s, %(status)s, %(head)s, %(body)s::bytea,
    now() + make_interval(hours => %(retention_hours)s)
)
on conflict (digest) do update set
    fingerprint = excluded.fingerprint, route = excluded.route, status = excluded.status, head = excluded.head,
    body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at;

-- name: forget_expired_answers -> none
-- A few at a time, with each answer kept, so that the table stays as small as its retention asks.
delete from clarivum.idempotency_keys where digest in (
    select digest from clarivum.idempotency_keys where expires_at < now()
    order by expires_at limit %(count)s for update skip locked
);

-- name: server_key -> one
-- One of the keys that all processes share.
select key from clarivum.server_keys where name = %(name)s;

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
