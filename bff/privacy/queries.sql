-- name: add_export -> maybe StoredExport
-- One request at a time: nothing comes back while another one waits for its file.
insert into public.data_exports (subject, email) values (clarivum.subject(), %(email)s)
on conflict (subject) where status = 'requested' do nothing
returning id, subject, status, link_key, expires_at, created_at;

-- name: latest_export -> maybe StoredExport
-- The caller's newest; the policy lets no other member's through.
select id, subject, status, link_key, expires_at, created_at
from public.data_exports
where expires_at is null or expires_at > now()
order by created_at desc
limit 1;

-- name: export_request -> maybe ExportRequest
select subject, email from public.data_exports where id = %(export_id)s and status = 'requested';

-- name: keep_export -> none
update public.data_exports set status = 'ready', content = %(content)s, link_key = %(link_key)s,
    expires_at = now() + make_interval(hours => %(hours)s)
where id = %(export_id)s and status = 'requested';

-- name: exported_file -> maybe StoredFile
select subject, content, link_key from public.data_exports
where id = %(export_id)s and status = 'ready' and expires_at > now();

-- name: delete_expired_exports -> none
delete from public.data_exports where id in (
    select id from public.data_exports where status = 'ready' and expires_at < now() order by expires_at limit %(limit)s
);

-- name: profile_of -> many
select subject, email, display_name, locale, marketing_opt_in, created_at, updated_at, deleted_at
from public.profiles where subject = %(subject)s;

-- name: entitlements_of -> many
select id, product, status, source, starts_at, ends_at, created_at, updated_at, deleted_at
from public.entitlements where subject = %(subject)s and deleted_at is null
order by created_at desc limit %(limit)s;

-- name: purchases_of -> many
select id, payment, product, amount_minor, currency, email, status, paid_at, fulfilled_at, refunded_at, receipt_sent_at,
    created_at
from public.purchases where subject = %(subject)s
order by created_at desc limit %(limit)s;

-- name: purchase_events_of -> many
select id, type, occurred_at, effect, payment, product, amount_minor, currency, email, handled_at, created_at
from public.purchase_events where subject = %(subject)s limit %(limit)s;

-- name: erasures_of -> many
select id, status, due_at, created_at from public.erasures where subject = %(subject)s and status = 'requested';

-- name: audit_events_of -> many
select at, kind, outcome, reason, roles, previous_roles, route, occurrences
from clarivum.audit_events where subject = %(subject)s
order by at desc limit %(limit)s;

-- name: roles_of -> many
select roles, issued_at from clarivum.subject_roles where subject = %(subject)s;

-- name: leads_of -> many
select id, email, source, vertical, marketing_opt_in, utm, status, audience, last_seen_at, created_at
from public.leads where lower(email) = any(%(emails)s::text[]) and deleted_at is null limit %(limit)s;

-- name: profile_address -> maybe Address
-- Made from a verified token; see bff/profiles.
select lower(email) as email from public.profiles where subject = %(subject)s;

-- name: add_erasure -> maybe Erasure
-- Nothing comes back when one is pending.
insert into public.erasures (subject, email, due_at)
values (clarivum.subject(), %(email)s, now() + make_interval(days => %(days)s))
on conflict (subject) where status = 'requested' do nothing
returning id, status, due_at;

-- name: own_pending_erasure -> maybe Erasure
-- The caller's; the policy lets no other member's through.
select id, status, due_at from public.erasures where status = 'requested';

-- name: cancel_erasure -> maybe Erasure
-- The caller's; the policy lets no other member's be changed.
update public.erasures set status = 'cancelled', decided_at = now(), email = null
where status = 'requested'
returning id, status, due_at;

-- name: overdue_exports -> many OverdueExport
-- Asked for longer ago than a file takes, the oldest first.
select id from public.data_exports
where status = 'requested' and created_at < now() - make_interval(secs => %(older_than_s)s)
order by created_at limit %(limit)s;

-- name: overdue_erasures -> many OverdueErasure
-- Due for longer than the job takes, the oldest first.
select id from public.erasures
where status = 'requested' and due_at < now() - make_interval(secs => %(older_than_s)s)
order by due_at limit %(limit)s;

-- name: lock_member -> one MemberLock, writes
-- Until the transaction ends nobody begins to store anything about the member.
select pg_advisory_xact_lock(hashtextextended('privacy.member ' || %(subject)s::text, 0)) is not null as held;

-- name: lock_member_shared -> one MemberLock, writes
-- For whoever stores something about a member: what an erasure began meanwhile is waited for, and seen.
select pg_advisory_xact_lock_shared(hashtextextended('privacy.member ' || %(subject)s::text, 0)) is not null as held;

-- name: begin_erasure -> maybe PendingErasure
-- Held until the end: it cannot be cancelled while it happens.
select subject, email from public.erasures where id = %(erasure_id)s and status = 'requested' for update;

-- name: end_erasure -> none
update public.erasures set status = 'done', decided_at = now(), email = null, subject = %(pseudonym)s
where id = %(erasure_id)s and status = 'requested';

-- name: empty_profile -> none
-- A member who had no profile gets an empty one: it is what says that the account was erased.
insert into public.profiles (subject, deleted_at) values (%(subject)s, now())
on conflict (subject) do update set email = null, display_name = null, locale = 'en', marketing_opt_in = false,
    deleted_at = coalesce(profiles.deleted_at, now());

-- name: withdraw_entitlements -> none
update public.entitlements set status = 'revoked', subject = %(pseudonym)s, deleted_at = coalesce(deleted_at, now())
where subject = %(subject)s and deleted_at is null;

-- name: anonymise_purchases -> none
-- The booking stays, as the law asks; who it was does not.
update public.purchases set subject = %(pseudonym)s, email = null where subject = %(subject)s;

-- name: anonymise_purchase_events -> none
-- An effect that is still missing will not come: there is nobody left to have it.
update public.purchase_events set subject = null, email = null, handled_at = coalesce(handled_at, now())
where subject = %(subject)s;

-- name: delete_exports_of -> none
delete from public.data_exports where subject = %(subject)s;

-- name: anonymise_leads_of -> none
update public.leads set email = 'anonymised-' || id || '@anonymised.invalid', vertical = null, utm = '{}',
    marketing_opt_in = false, status = 'anonymised'
where lower(email) = any(%(emails)s::text[]) and deleted_at is null;

-- name: anonymise_inactive_leads -> none
-- The ones that were last seen longest ago first; those that another run holds are left to it.
update public.leads set email = 'anonymised-' || id || '@anonymised.invalid', vertical = null, utm = '{}',
    marketing_opt_in = false, status = 'anonymised'
where id = any(array(
    select id from public.leads
    where last_seen_at < %(before)s::timestamptz and status <> 'anonymised' and deleted_at is null
    order by last_seen_at limit %(limit)s for update skip locked
));
