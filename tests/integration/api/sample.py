"""A small application of the tests' own: notes that belong to their callers, and routes that misbehave."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from clarivum.api import (
    Client,
    Contract,
    IfMatch,
    NewestFirst,
    Page,
    Reply,
    Route,
    anyone,
    authenticated,
    delete,
    get,
    patch,
    post,
    role,
)
from clarivum.auth import Principal
from clarivum.database import Session, Transaction, parse_queries
from clarivum.errors import NOT_FOUND, RequestError

WORLD = """
create table public.notes (
    id uuid primary key default gen_random_uuid(),
    owner text not null,
    text text not null unique,
    revision integer not null default 1,
    created_at timestamptz not null default now()
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
grant select, insert, update, delete on public.notes to authenticated;
create policy notes_own on public.notes to authenticated
    using (owner = (select auth.jwt() ->> 'sub')) with check (owner = (select auth.jwt() ->> 'sub'));
grant select on public.notes to clarivum_staff;
create policy notes_staff on public.notes for select to clarivum_staff
    using ((select clarivum.has_any_role('{editor}')));
grant select, insert on public.notes to clarivum_worker;
create policy notes_worker on public.notes to clarivum_worker using (true) with check (true);
create index notes_created_at_idx on public.notes (created_at desc, id desc);
"""


class NewNote(Contract):
    """A note to keep."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    wait_s: Annotated[float, Field(ge=0, le=0.1)] = 0.0


class NoteChange(Contract):
    """Another text."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Note(Contract):
    """A note and whose it is."""

    id: UUID
    owner: str
    text: str
    revision: int
    created_at: datetime


class Seen(Contract):
    """What the API sees of its caller."""

    role: str
    subject: str | None
    address: str
    user_agent: str | None
    request_id: str


class Text(Contract):
    """Some text."""

    text: str


queries = parse_queries(
    """
-- name: add_note -> one
insert into public.notes (owner, text) values (coalesce(auth.jwt() ->> 'sub', 'nobody'), %(text)s)
returning id, owner, text, revision, created_at

-- name: notes_page -> many
select id, owner, text, revision, created_at from public.notes
where (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
order by created_at desc, id desc limit %(limit)s

-- name: note -> maybe
select id, owner, text, revision, created_at from public.notes where id = %(note_id)s

-- name: change_note -> maybe
update public.notes set text = %(text)s, revision = revision + 1 where id = %(note_id)s and revision = %(revision)s
returning id, owner, text, revision, created_at

-- name: drop_note -> none
delete from public.notes where id = %(note_id)s

-- name: pause -> one, slow
select pg_sleep(%(seconds)s)::text as text

-- name: current_role -> one
select current_user::text as text

-- name: serialization_failure -> one, writes
select public.fail_to_serialize()::text as text
""",
    __file__,
)


@post("/notes", access=authenticated(rate="100000/minute"), status_code=201, idempotent=True)
async def add_note(body: NewNote, tx: Transaction) -> Reply[Note]:
    """Keep a note."""
    note = Note(**await tx.one(queries.add_note, text=body.text))
    if body.wait_s:
        await tx.one(queries.pause, seconds=body.wait_s)
    return Reply(note, revision=note.revision, headers={"location": f"/notes/{note.id}"})


@post("/held/notes", access=authenticated(rate="100000/minute"), status_code=201)
async def hold_note(body: NoteChange, tx: Transaction) -> Text:
    """Add a note and hold the transaction for 7 seconds."""
    await tx.one(queries.add_note, text=body.text)
    return Text(**await tx.one(queries.pause, seconds=7))


@post("/visitors/notes", access=anyone(rate="100000/minute"), status_code=202, key_required=True)
async def add_visitor_note(body: NewNote, tx: Transaction) -> Text:
    """Keep a note of somebody unknown."""
    with tx.as_worker():
        note = await tx.one(queries.add_note, text=body.text)
    return Text(text=str(note["id"]))


@get("/notes", access=authenticated(rate="100000/minute"))
async def list_notes(session: Session, page: NewestFirst) -> Page[Note]:
    """List one's notes."""
    return page.of(await session.many(queries.notes_page, **page.parameters))


@get("/staff/notes", access=role("editor", "admin", rate="100000/minute"))
async def list_all_notes(session: Session, page: NewestFirst) -> Page[Note]:
    """List everybody's notes."""
    return page.of(await session.many(queries.notes_page, **page.parameters))


@get("/notes/{note_id}", access=authenticated(rate="100000/minute"))
async def read_note(note_id: UUID, session: Session) -> Reply[Note]:
    """Read a note."""
    row = await session.maybe(queries.note, note_id=note_id)
    if row is None:
        raise RequestError("There is no such note.", code=NOT_FOUND)
    return Reply(Note(**row), revision=row["revision"])


@patch("/notes/{note_id}", access=authenticated(rate="100000/minute"))
async def change_note(note_id: UUID, body: NoteChange, tx: Transaction, revision: IfMatch) -> Reply[Note]:
    """Change a note that nobody changed since it was read."""
    row = await tx.maybe(queries.change_note, note_id=note_id, text=body.text, revision=revision.number)
    if row is None:
        raise revision.stale()
    return Reply(Note(**row), revision=row["revision"])


@delete("/notes/{note_id}", access=authenticated(rate="100000/minute"), status_code=204)
async def drop_note(note_id: UUID, tx: Transaction) -> None:
    """Drop a note."""
    await tx.execute(queries.drop_note, note_id=note_id)


@get("/whoami", access=anyone(rate="100000/minute"))
async def whoami(session: Session, principal: Principal, client: Client) -> Seen:
    """Say who is asking."""
    role = await session.one(queries.current_role)
    return Seen(
        role=role["text"],
        subject=principal.subject,
        address=client.address,
        user_agent=client.user_agent,
        request_id=client.request_id,
    )


@get("/staff/role", access=role("editor", rate="100000/minute"))
async def staff_role(session: Session) -> Text:
    """Say which database role this runs as."""
    return Text(**await session.one(queries.current_role))


@get("/rare", access=anyone(rate="3/minute"))
async def rare() -> Text:
    """Answer three times a minute."""
    return Text(text="x")


@get("/slow", access=anyone(rate="100000/minute"), timeout_s=0.5)
async def slow() -> Text:
    """Never answer in time."""
    await asyncio.Event().wait()
    raise AssertionError


@get("/pause", access=anyone(rate="100000/minute"))
async def pause(session: Session, seconds: Annotated[float, Field(ge=0, le=30)]) -> Text:
    """Hold a connection for some seconds."""
    await session.one(queries.pause, seconds=seconds)
    return Text(text="rested")


@get("/broken", access=anyone(rate="100000/minute"))
async def broken() -> Text:
    """Fail with a secret in the message."""
    raise ValueError("password=s3cret for someone@example.org")


@get("/misfit", access=anyone(rate="100000/minute"))
async def misfit() -> Text:
    """Return what was not declared."""
    return "s3cret"  # type: ignore[return-value]


@get("/large", access=anyone(rate="100000/minute"))
async def large(size: Annotated[int, Field(ge=0, le=10_000)] = 10_000) -> Text:
    """Answer much."""
    return Text(text="x" * size)


@dataclass(frozen=True)
class SampleApplication:
    name: str
    routes: tuple[Route, ...]


application = SampleApplication(
    "sample",
    (
        add_note,
        hold_note,
        add_visitor_note,
        list_notes,
        list_all_notes,
        read_note,
        change_note,
        drop_note,
        whoami,
        staff_role,
        rare,
        slow,
        pause,
        broken,
        misfit,
        large,
    ),
)
