-- author: membership
-- purchases.reconcile asks every night for the receipts that were not sent.
create index concurrently purchases_unsent_idx on public.purchases (fulfilled_at)
    where status = 'fulfilled' and receipt_sent_at is null;
