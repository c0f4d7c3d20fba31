-- name: entitlements_page -> many Entitlement
-- Newest first, from a cursor on. Whose they are is the policy's business.
select id, product, status, source, starts_at, ends_at, created_at, revision
from public.entitlements
where deleted_at is null and (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: entitlements_page_by_status -> many Entitlement
select id, product, status, source, starts_at, ends_at, created_at, revision
from public.entitlements
where deleted_at is null and status = %(status)s
    and (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: grant_entitlement -> one Entitlement
insert into public.entitlements (subject, product, source, starts_at, ends_at)
values (%(subject)s, %(product)s, %(source)s, coalesce(%(starts_at)s::timestamptz, now()), %(ends_at)s::timestamptz)
returning id, product, status, source, starts_at, ends_at, created_at, revision;

-- name: revoke_entitlement -> none
-- What it gave ends now. Nothing happens when it was revoked before.
update public.entitlements set status = 'revoked'
where id = %(id)s and deleted_at is null and status <> 'revoked';
