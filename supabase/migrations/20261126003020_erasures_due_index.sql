-- author: membership
-- privacy.reconcile asks every night for the erasures that are due for longest.
create index concurrently erasures_due_idx on public.erasures (due_at) where status = 'requested';
