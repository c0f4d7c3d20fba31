-- Privacy: a member's data as a file, and a member's erasure.
create table public.data_exports (
    id uuid primary key default gen_random_uuid(),
    subject text not null check (char_length(subject) between 1 and 255),
    email text check (char_length(email) between 3 and 320),
    status text not null default 'requested' check (status in ('requested', 'ready')),
    content jsonb check (jsonb_typeof(content) = 'object'),
    link_key bytea check (octet_length(link_key) = 32),
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    check ((status = 'ready') = (content is not null and link_key is not null and expires_at is not null))
);

comment on table public.data_exports is
    'owner: membership. rows: 10_000. What members asked to have of their data: the file itself, for 24 hours.';
comment on column public.data_exports.subject is 'distinct: 10_000.';
comment on column public.data_exports.email is 'The verified address of the request: what is stored under it alone is part of the file.';
comment on column public.data_exports.link_key is 'Random; the link to this file is signed with it, and dies with the row.';

create unique index data_exports_requested_key on public.data_exports (subject) where status = 'requested';
create index data_exports_subject_created_at_idx on public.data_exports (subject, created_at desc);
create index data_exports_waiting_idx on public.data_exports (created_at) where status = 'requested';
create index data_exports_expires_at_idx on public.data_exports (expires_at) where status = 'ready';

alter table public.data_exports enable row level security;
alter table public.data_exports force row level security;
grant select, insert, update, delete on public.data_exports to clarivum_worker;
create policy data_exports_worker on public.data_exports for all to clarivum_worker using (true) with check (true);

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

create table public.erasures (
    id uuid primary key default gen_random_uuid(),
    subject text not null check (char_length(subject) between 1 and 255),
    email text check (char_length(email) between 3 and 320),
    status text not null default 'requested' check (status in ('requested', 'cancelled', 'done')),
    due_at timestamptz not null,
    decided_at timestamptz,
    created_at timestamptz not null default now(),
    check ((status = 'requested') = (decided_at is null)),
    check (status = 'requested' or email is null)
);

comment on table public.erasures is
    'owner: membership. rows: 100_000. Members who asked to be erased: until due_at they may take it back.';
comment on column public.erasures.subject is 'distinct: 100_000. erased:… once it is done.';
comment on column public.erasures.email is 'The verified address of the request, until it is decided.';

create unique index erasures_requested_key on public.erasures (subject) where status = 'requested';
create index erasures_due_idx on public.erasures (due_at) where status = 'requested';

alter table public.erasures enable row level security;
alter table public.erasures force row level security;
grant select, insert, update on public.erasures to clarivum_worker;
create policy erasures_worker on public.erasures for all to clarivum_worker using (true) with check (true);

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

-- Erasing a member empties the profile; its subject stays, so that the account does not come back as a second one. A
-- member who had none gets an empty one: by it whatever comes later finds the member erased.
grant insert, update on public.profiles to clarivum_worker;
create policy profiles_worker_add on public.profiles for insert to clarivum_worker with check (deleted_at is not null);
create policy profiles_worker_change on public.profiles for update to clarivum_worker using (true) with check (true);
