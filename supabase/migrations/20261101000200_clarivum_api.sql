-- author: platform
-- What the API remembers of requests: answers under their Idempotency-Key, and the keys that seal what it hands out.

create table clarivum.idempotency_keys (
    digest bytea primary key check (octet_length(digest) = 32),
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    route text not null check (char_length(route) between 1 and 300),
    status smallint not null check (status between 200 and 299),
    head text not null check (octet_length(head) <= 8192),
    body bytea not null check (octet_length(body) <= 262144),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null check (expires_at > created_at)
);
comment on table clarivum.idempotency_keys is
    'owner: platform. Answers given under an Idempotency-Key, written in the transaction of the effect, kept for 24 hours.';
comment on column clarivum.idempotency_keys.digest is 'SHA-256 of caller, route and key, so that no key of one caller finds another''s answer.';
comment on column clarivum.idempotency_keys.fingerprint is 'SHA-256 of the request: path, query and body.';
comment on column clarivum.idempotency_keys.head is 'The answer''s own header lines, such as its ETag.';

create index idempotency_keys_expires_at_idx on clarivum.idempotency_keys (expires_at);

alter table clarivum.idempotency_keys enable row level security;
alter table clarivum.idempotency_keys force row level security;
grant select, insert, update, delete on clarivum.idempotency_keys to clarivum_worker;
create policy idempotency_keys_worker on clarivum.idempotency_keys for all to clarivum_worker
    using (true) with check (true);

-- Volatile, so that the row is looked for with a snapshot taken after the lock: whoever held it before has committed.
create function clarivum.claim_idempotency_key(
    digest bytea, fingerprint bytea, out state text, out status smallint, out head text, out body bytea
)
    language plpgsql volatile security invoker set search_path = '' as
$$
declare
    kept clarivum.idempotency_keys%rowtype;
begin
    if not pg_catalog.pg_try_advisory_xact_lock(
        ('x' || pg_catalog.encode(pg_catalog.substr(claim_idempotency_key.digest, 1, 8), 'hex'))::bit(64)::bigint
    ) then
        state := 'in_flight';
        return;
    end if;
    select * into kept from clarivum.idempotency_keys as k
    where k.digest = claim_idempotency_key.digest and k.expires_at > pg_catalog.now();
    if not found then
        state := 'new';
    elsif kept.fingerprint <> claim_idempotency_key.fingerprint then
        state := 'reused';
    else
        state := 'answered';
        status := kept.status;
        head := kept.head;
        body := kept.body;
    end if;
end
$$;
comment on function clarivum.claim_idempotency_key(bytea, bytea) is
    'Lock a key until the end of the transaction and say what is known of it: in_flight, new, reused (for another request) or answered.';
revoke execute on function clarivum.claim_idempotency_key(bytea, bytea) from public;
grant execute on function clarivum.claim_idempotency_key(bytea, bytea) to clarivum_worker;

create table clarivum.server_keys (
    name text primary key check (char_length(name) between 1 and 60),
    key bytea not null check (octet_length(key) = 32),
    created_at timestamptz not null default now()
);
comment on table clarivum.server_keys is
    'owner: platform. Random keys that every process of this database shares, such as the one that seals cursors.';

-- Two version 4 UUIDs carry 244 random bits.
insert into clarivum.server_keys (name, key)
values ('cursors', sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

alter table clarivum.server_keys enable row level security;
alter table clarivum.server_keys force row level security;
grant select on clarivum.server_keys to clarivum_worker;
create policy server_keys_worker on clarivum.server_keys for select to clarivum_worker using (true);
