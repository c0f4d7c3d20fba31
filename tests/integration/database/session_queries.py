"""The queries of the session tests, and their row classes."""

import sys

from pydantic import BaseModel, ConfigDict

from clarivum.database import Context, parse_queries


class Note(BaseModel):
    """A row of public.notes."""

    model_config = ConfigDict(strict=True, extra="forbid")

    tenant: str
    body: str


class Misfit(BaseModel):
    """What public.notes does not return."""

    model_config = ConfigDict(strict=True, extra="forbid")

    tenant: int


QUERIES = parse_queries(
    """
-- name: in_force -> one
select current_user::text as role, session_user::text as login, current_setting('request.jwt.claims', true) as claims,
    current_setting('statement_timeout') as statement_timeout, current_setting('transaction_read_only') as read_only,
    current_setting('app.tenant', true) as app_tenant, current_setting('search_path') as search_path,
    current_setting('timezone') as timezone, pg_backend_pid() as pid

-- name: in_force_when_writing -> one, writes
select current_user::text as role, current_setting('request.jwt.claims', true) as claims,
    current_setting('statement_timeout') as statement_timeout, current_setting('transaction_read_only') as read_only,
    current_setting('app.tenant', true) as app_tenant, current_setting('search_path') as search_path,
    current_setting('timezone') as timezone, pg_backend_pid() as pid

-- name: notes -> many Note
select tenant, body from public.notes order by id

-- name: misfits -> many Misfit
select tenant from public.notes

-- name: note -> one Note
select tenant, body from public.notes where body = %(body)s

-- name: note_or_none -> maybe Note
select tenant, body from public.notes where body = %(body)s

-- name: any_note -> one Note
select tenant, body from public.notes

-- name: everything -> many
select * from public.notes

-- name: number -> one
select %(number)s::bigint as number

-- name: divide -> one
select 100 / %(divisor)s::int as quotient

-- name: wait -> one
select public.wait_for_lock(%(key)s::bigint) as key

-- name: wait_declared_slow -> one, slow
select public.wait_for_lock(%(key)s::bigint) as key

-- name: sneaky -> one
select public.sneaky_write(%(tenant)s) as id

-- name: poison -> one
select public.poison_session() as poisoned

-- name: poison_by_writing -> one, writes
select public.poison_session() as poisoned

-- name: drop_prepared -> one
select public.drop_prepared_statements() as dropped

-- name: drop_prepared_by_writing -> one, writes
select public.drop_prepared_statements() as dropped

-- name: add_note -> one Note
insert into public.notes (tenant, body) values (%(tenant)s, %(body)s) returning tenant, body

-- name: add_note_quietly -> none
insert into public.notes (tenant, body) values (%(tenant)s, %(body)s)

-- name: add_pair -> none
insert into public.pairs (left_id, right_id) values (%(left_id)s, %(right_id)s)

-- name: counter -> one
select value from public.counters where name = %(name)s

-- name: raise_counter -> none
update public.counters set value = value + 1 where name = %(name)s

-- name: prepared -> many
select statement, generic_plans, custom_plans from pg_prepared_statements order by name

-- name: prepared_by_writing -> many, writes
select statement, generic_plans, custom_plans from pg_prepared_statements order by name

-- name: mine -> one
-- Who the server thinks is asking, and what they may see.
select auth.jwt() ->> 'sub' as subject, current_user::text as role,
    coalesce(array_agg(distinct tenant) filter (where tenant is not null), '{}') as tenants
from public.notes
""",
    __file__,
    sys.modules[__name__],
)


def member(subject: str, timeout_ms: int = 8_000) -> Context:
    """What the server computes from a verified token."""
    return Context("authenticated", f'{{"sub":"{subject}","role":"authenticated"}}', timeout_ms)
