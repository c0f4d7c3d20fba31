-- name: capture_lead -> one CapturedLead
-- Store a lead, or touch the one already captured from the same source. Consent once given is not taken back here.
insert into public.leads (email, source, vertical, marketing_opt_in, utm)
values (%(email)s, %(source)s, %(vertical)s, %(marketing_opt_in)s, %(utm)s)
on conflict (lower(email), source) where deleted_at is null
do update set last_seen_at = now(), marketing_opt_in = leads.marketing_opt_in or excluded.marketing_opt_in
returning id;

-- name: lead_address -> maybe LeadAddress
-- The address of one lead, for its enrichment.
select email from public.leads where id = %(lead_id)s and deleted_at is null;

-- name: mark_enriched -> none
-- Note what the enrichment found. A second run finds nothing left to do.
update public.leads set status = 'enriched', audience = %(audience)s, enriched_at = now()
where id = %(lead_id)s and status = 'captured' and deleted_at is null;

-- name: leads_page -> many Lead
-- Newest first, from a cursor on.
select id, email, source, vertical, marketing_opt_in, status, audience, created_at, last_seen_at, enriched_at, revision
from public.leads
where deleted_at is null and (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: leads_page_by_source -> many Lead
select id, email, source, vertical, marketing_opt_in, status, audience, created_at, last_seen_at, enriched_at, revision
from public.leads
where deleted_at is null and source = %(source)s
    and (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: leads_page_by_status -> many Lead
select id, email, source, vertical, marketing_opt_in, status, audience, created_at, last_seen_at, enriched_at, revision
from public.leads
where deleted_at is null and status = %(status)s
    and (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;

-- name: leads_page_by_source_and_status -> many Lead
select id, email, source, vertical, marketing_opt_in, status, audience, created_at, last_seen_at, enriched_at, revision
from public.leads
where deleted_at is null and source = %(source)s and status = %(status)s
    and (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc
limit %(limit)s;
