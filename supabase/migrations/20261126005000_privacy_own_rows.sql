-- author: membership
-- Members ask and read under their own role, so that a policy says whose file and whose erasure it is.
grant select (id, subject, status, link_key, expires_at, created_at) on public.data_exports to authenticated;
grant insert (subject, email) on public.data_exports to authenticated;
create policy data_exports_own_read on public.data_exports for select to authenticated
    using (subject = (select clarivum.subject()));
-- The address decides which leads go into the file: nobody may name another's.
create policy data_exports_own_add on public.data_exports for insert to authenticated
    with check (
        subject = (select clarivum.subject())
        and (email is null or email = (select clarivum.claims() ->> 'email'))
    );

grant select (id, subject, status, due_at) on public.erasures to authenticated;
grant insert (subject, email, due_at) on public.erasures to authenticated;
grant update (status, decided_at, email) on public.erasures to authenticated;
create policy erasures_own_read on public.erasures for select to authenticated
    using (subject = (select clarivum.subject()));
create policy erasures_own_add on public.erasures for insert to authenticated
    with check (
        subject = (select clarivum.subject())
        and (email is null or email = (select clarivum.claims() ->> 'email'))
    );
-- What is not decided can be taken back; only the worker says that it is done.
create policy erasures_own_cancel on public.erasures for update to authenticated
    using (subject = (select clarivum.subject()) and decided_at is null)
    with check (
        subject = (select clarivum.subject()) and status <> 'done'
        and (email is null or email = (select clarivum.claims() ->> 'email'))
    );
