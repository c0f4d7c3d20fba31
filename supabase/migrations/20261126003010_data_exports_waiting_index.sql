-- author: membership
-- privacy.reconcile asks every night for the files that were asked for longest ago.
create index concurrently data_exports_waiting_idx on public.data_exports (created_at) where status = 'requested';
