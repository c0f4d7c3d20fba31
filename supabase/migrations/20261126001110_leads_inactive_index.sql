-- author: growth
-- privacy.anonymise_leads asks every night for the leads that were last seen longest ago.
create index concurrently leads_inactive_idx on public.leads (last_seen_at) where deleted_at is null and status <> 'anonymised';
