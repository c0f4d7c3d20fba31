-- author: platform
-- Who signed in, who was refused, whose roles changed, what staff changed: written once, never changed, kept 400 days.

create table clarivum.audit_events (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    kind text not null check (kind in ('sign_in', 'refusal', 'privilege_change', 'revocation', 'admin_write')),
    outcome text not null check (outcome in ('done', 'refused')),
    reason text not null check (char_length(reason) between 1 and 80),
    subject text check (char_length(subject) between 1 and 255),
    roles text[] not null default '{}',
    previous_roles text[],
    route text check (char_length(route) between 1 and 300),
    trace_id text check (trace_id ~ '^[0-9a-f]{32}$'),
    occurrences integer not null default 1 check (occurrences > 0)
);
comment on table clarivum.audit_events is
    'owner: platform. rows: 10_000_000. Append-only. No token, address, e-mail or payload; a row is removed after 400 days, by the migration login.';
comment on column clarivum.audit_events.kind is 'distinct: 5.';
comment on column clarivum.audit_events.outcome is 'distinct: 2.';
comment on column clarivum.audit_events.reason is 'The code of a refusal (docs/errors.md), the reason of a revocation, or committed, signed_in, roles_changed.';
comment on column clarivum.audit_events.subject is 'distinct: 100_000. Such as auth0|alice; sha256:… of one that holds an e-mail. Null while nobody is known.';
comment on column clarivum.audit_events.trace_id is 'Under which the request is found in the log; of the first one, where occurrences are more.';
comment on column clarivum.audit_events.occurrences is 'Refusals alike within a few seconds are one row.';

create index audit_events_at_idx on clarivum.audit_events (at desc, id desc);
create index audit_events_subject_at_idx on clarivum.audit_events (subject, at desc, id desc);
create index audit_events_kind_at_idx on clarivum.audit_events (kind, at desc, id desc);

alter table clarivum.audit_events enable row level security;
alter table clarivum.audit_events force row level security;
grant select, insert on clarivum.audit_events to clarivum_worker;
create policy audit_events_worker_select on clarivum.audit_events for select to clarivum_worker using (true);
create policy audit_events_worker_insert on clarivum.audit_events for insert to clarivum_worker with check (true);

-- Nobody who serves requests holds a grant to change a row. This holds for the owner as well, and for a superuser's slip.
create function clarivum.refuse_audit_change() returns trigger
    language plpgsql security invoker set search_path = '' as
$$
begin
    if tg_op = 'DELETE' and old.at < pg_catalog.now() - interval '400 days' then
        return old;
    end if;
    raise exception 'clarivum.audit_events is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;
comment on function clarivum.refuse_audit_change() is 'Before update, delete or truncate: refuses, but for the removal of a row older than 400 days.';
revoke execute on function clarivum.refuse_audit_change() from public;

create trigger audit_events_append_only before update or delete on clarivum.audit_events
    for each row execute function clarivum.refuse_audit_change();
create trigger audit_events_keep before truncate on clarivum.audit_events
    for each statement execute function clarivum.refuse_audit_change();

create table clarivum.subject_roles (
    subject text primary key check (char_length(subject) between 1 and 255),
    roles text[] not null,
    issued_at timestamptz not null
);
comment on table clarivum.subject_roles is
    'owner: platform. rows: 100_000. The roles that a subject''s newest token carried when they last changed; a difference is an audit event.';
comment on column clarivum.subject_roles.subject is 'As in clarivum.audit_events.';
comment on column clarivum.subject_roles.issued_at is 'The token''s iat: an older token that is still valid changes nothing.';

alter table clarivum.subject_roles enable row level security;
alter table clarivum.subject_roles force row level security;
grant select, insert, update on clarivum.subject_roles to clarivum_worker;
create policy subject_roles_worker on clarivum.subject_roles for all to clarivum_worker using (true) with check (true);
