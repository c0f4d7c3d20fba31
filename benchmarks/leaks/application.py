"""Routes that say whose rows they saw, fail half-way, and leave behind what a careless function would."""

from dataclasses import dataclass

from clarivum.api import Contract, Route, authenticated, get, post
from clarivum.database import Session, Transaction, parse_queries
from clarivum.errors import CONFLICT, RequestError

TENANTS = 50
NOTES = 3
RATE = "100000/second"
WORLD = """
create table public.tenant_notes (
    id bigint generated always as identity primary key,
    tenant text not null,
    touched bigint not null default 0
) with (fillfactor = 50);
create index tenant_notes_tenant_idx on public.tenant_notes (tenant);
alter table public.tenant_notes enable row level security;
alter table public.tenant_notes force row level security;
grant select, update on public.tenant_notes to authenticated;
create policy tenant_notes_own on public.tenant_notes to authenticated
    using (tenant = (select clarivum.subject())) with check (tenant = (select clarivum.subject()));
grant select on public.tenant_notes to clarivum_worker;
create policy tenant_notes_worker on public.tenant_notes for select to clarivum_worker using (true);

-- Tries to change the session for whoever comes next.
create function public.poison_session() returns text language plpgsql volatile as $$
begin
    perform set_config('request.jwt.claims', '{"sub":"poison"}', false);
    perform set_config('role', 'clarivum_worker', false);
    perform set_config('search_path', 'pg_temp', false);
    perform set_config('statement_timeout', '0', false);
    return 'poisoned';
end $$;
"""
FILL = (
    "insert into public.tenant_notes (tenant)"
    " select 'tenant-' || t from generate_series(0, %s) t, generate_series(1, %s)"
)
SEEN = """
select current_user::text as role, clarivum.subject() as subject, count(*)::integer as notes,
       coalesce(array_agg(distinct tenant order by tenant), '{}') as tenants
from public.tenant_notes
"""
queries = parse_queries(
    f"""
-- name: mine -> one
{SEEN};

-- name: as_worker -> one, writes
{SEEN};

-- name: touch -> none
update public.tenant_notes set touched = touched + 1;

-- name: divide -> one
select 1 / %(divisor)s::integer as answer;

-- name: poison -> one
select public.poison_session() as outcome;

-- name: poison_by_writing -> one, writes
select public.poison_session() as outcome;
""",
    __file__,
)


class Seen(Contract):
    """Who the database says is asking, and whose notes it shows."""

    role: str
    subject: str | None
    notes: int
    tenants: list[str]


class Transacted(Contract):
    """What was seen before, as the worker, and after; and how many notes were changed."""

    before: Seen
    as_worker: Seen
    after: Seen
    touched: int


@get("/mine", access=authenticated(rate=RATE))
async def mine(session: Session) -> Seen:
    """Show one's notes."""
    return Seen(**await session.one(queries.mine))


@get("/divide", access=authenticated(rate=RATE))
async def divide(session: Session) -> Seen:
    """Fail in the database."""
    await session.one(queries.divide, divisor=0)
    raise AssertionError


@get("/poison", access=authenticated(rate=RATE))
async def poison(session: Session) -> Seen:
    """Change the session of a shared connection, then read."""
    await session.one(queries.poison)
    return Seen(**await session.one(queries.mine))


@post("/poison", access=authenticated(rate=RATE))
async def poison_by_writing(tx: Transaction) -> Seen:
    """Change the session of a connection of one's own, and commit."""
    seen = Seen(**await tx.one(queries.mine))
    await tx.one(queries.poison_by_writing)
    return seen


@post("/transact", access=authenticated(rate=RATE))
async def transact(tx: Transaction, ending: str = "commit") -> Transacted:
    """Read, change, look as the worker, and end as asked: commit, raise or divide."""
    before = Seen(**await tx.one(queries.mine))
    touched = await tx.execute(queries.touch)
    with tx.as_worker():
        as_worker = Seen(**await tx.one(queries.as_worker))
    after = Seen(**await tx.one(queries.mine))
    if ending == "divide":
        await tx.one(queries.divide, divisor=0)
    if ending == "raise":
        raise RequestError("As asked.", code=CONFLICT)
    return Transacted(before=before, as_worker=as_worker, after=after, touched=touched)


@dataclass(frozen=True)
class LeaksApplication:
    name: str = "leaks"
    routes: tuple[Route, ...] = (mine, divide, poison, poison_by_writing, transact)
