-- author: membership
-- privacy.reconcile asks every night for what was promised and not done. An erasure leaves an empty profile, also where
-- there was none: by it whatever comes later finds the member erased.
grant insert on public.profiles to clarivum_worker;
create policy profiles_worker_add on public.profiles for insert to clarivum_worker with check (deleted_at is not null);

select clarivum.create_queue('privacy_reconcile');
