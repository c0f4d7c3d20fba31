-- Entitlements: what a member may use, with the history of its status.
create table public.entitlements (
    id uuid primary key default gen_random_uuid(),
    subject text not null check (char_length(subject) between 1 and 255),
    product text not null check (char_length(product) between 1 and 80),
    status text not null default 'active' check (status in ('active', 'paused', 'expired', 'revoked')),
    source text not null check (char_length(source) between 1 and 80),
    starts_at timestamptz not null default now(),
    ends_at timestamptz check (ends_at > starts_at),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    revision integer not null default 1,
    deleted_at timestamptz
);

comment on table public.entitlements is 'owner: membership. What a member may use, from when to when, and where it came from.';

create trigger entitlements_touch before update on public.entitlements
    for each row execute function clarivum.touch();

create index entitlements_subject_created_at_idx
    on public.entitlements (subject, created_at desc, id desc) where deleted_at is null;
create index entitlements_subject_status_created_at_idx
    on public.entitlements (subject, status, created_at desc, id desc) where deleted_at is null;

alter table public.entitlements enable row level security;
alter table public.entitlements force row level security;

grant select on public.entitlements to authenticated;
grant select, insert, update on public.entitlements to clarivum_staff;

create policy entitlements_own_read on public.entitlements for select to authenticated
    using (subject = (select clarivum.subject()) and deleted_at is null);
create policy entitlements_admin_read on public.entitlements for select to clarivum_staff
    using ((select clarivum.has_any_role('{admin}')) and deleted_at is null);
create policy entitlements_admin_add on public.entitlements for insert to clarivum_staff
    with check ((select clarivum.has_any_role('{admin}')));
create policy entitlements_admin_change on public.entitlements for update to clarivum_staff
    using ((select clarivum.has_any_role('{admin}')) and deleted_at is null)
    with check ((select clarivum.has_any_role('{admin}')));

create table public.entitlement_events (
    id bigint generated always as identity primary key,
    entitlement_id uuid not null references public.entitlements (id) on delete restrict,
    from_status text,
    to_status text not null,
    actor text not null,
    occurred_at timestamptz not null default now(),
    created_at timestamptz not null default now()
);

comment on table public.entitlement_events is 'owner: membership. Every change of an entitlement''s status, append-only: who, when, from what to what.';

create index entitlement_events_entitlement_id_idx on public.entitlement_events (entitlement_id, occurred_at desc);

alter table public.entitlement_events enable row level security;
alter table public.entitlement_events force row level security;

grant select, insert on public.entitlement_events to clarivum_staff;

create policy entitlement_events_admin_read on public.entitlement_events for select to clarivum_staff
    using ((select clarivum.has_any_role('{admin}')));
create policy entitlement_events_admin_add on public.entitlement_events for insert to clarivum_staff
    with check ((select clarivum.has_any_role('{admin}')));

-- Runs as whoever changes the entitlement, so the history obeys the same policies as the change itself.
create function public.record_entitlement_event() returns trigger
    language plpgsql security invoker set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        insert into public.entitlement_events (entitlement_id, to_status, actor)
        values (new.id, new.status, coalesce(clarivum.subject(), current_user));
    elsif new.status is distinct from old.status then
        insert into public.entitlement_events (entitlement_id, from_status, to_status, actor)
        values (new.id, old.status, new.status, coalesce(clarivum.subject(), current_user));
    end if;
    return null;
end
$$;

revoke execute on function public.record_entitlement_event() from public;

create trigger entitlements_record_event after insert or update on public.entitlements
    for each row execute function public.record_entitlement_event();
