-- name: record_events -> none
-- Objects with the columns' names; what an object leaves out is null.
insert into clarivum.audit_events (kind, outcome, reason, subject, roles, route, trace_id, occurrences)
select kind, outcome, reason, subject, roles, route, trace_id, occurrences
from jsonb_to_recordset(%(events)s::jsonb) as event (
    kind text, outcome text, reason text, subject text, roles text[], route text, trace_id text, occurrences integer
);

-- name: note_roles -> many, writes
-- Keep the roles of newer tokens, and tell the differences. A subject seen for the first time is told with a staff role.
with seen as (
    select subject, roles, to_timestamp(issued_at) as issued_at
    from jsonb_to_recordset(%(seen)s::jsonb) as token (subject text, roles text[], issued_at double precision)
), before as (
    select known.subject, known.roles from seen join clarivum.subject_roles as known on known.subject = seen.subject
), changed as (
    insert into clarivum.subject_roles as known (subject, roles, issued_at)
    select subject, roles, issued_at from seen order by subject
    on conflict (subject) do update set roles = excluded.roles, issued_at = excluded.issued_at
    where known.issued_at < excluded.issued_at and known.roles <> excluded.roles
    returning known.subject, known.roles
)
insert into clarivum.audit_events (kind, outcome, reason, subject, roles, previous_roles)
select
    'privilege_change', 'done', case when before.subject is null then 'roles_first_seen' else 'roles_changed' end,
    changed.subject, changed.roles, before.roles
from changed left join before on before.subject = changed.subject
where before.subject is not null or changed.roles && %(staff)s::text[]
returning reason, subject, roles, previous_roles;

-- name: events_since -> many
-- The newest first.
select at, kind, outcome, reason, subject, roles, previous_roles, route, trace_id, occurrences
from clarivum.audit_events where at >= %(since)s
order by at desc, id desc limit %(limit)s;

-- name: events_of_kind -> many
select at, kind, outcome, reason, subject, roles, previous_roles, route, trace_id, occurrences
from clarivum.audit_events where kind = %(kind)s and at >= %(since)s
order by at desc, id desc limit %(limit)s;

-- name: events_of_subject -> many
select at, kind, outcome, reason, subject, roles, previous_roles, route, trace_id, occurrences
from clarivum.audit_events where subject = %(subject)s and at >= %(since)s
order by at desc, id desc limit %(limit)s;
