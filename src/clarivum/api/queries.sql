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
