"""Read and write notes."""

from typing import Any

from clarivum.api import NewestFirst, Page, anyone, authenticated, get, post
from clarivum.database import Session, Transaction
from clean_backend.notes.contract import NewNote, Note, Topics
from clean_backend.notes.jobs import TidyNote
from clean_backend.notes.queries import queries


@get("/api/v1/notes", access=authenticated())
async def list_notes(session: Session, page: NewestFirst) -> Page[Note]:
    """List the caller's notes."""
    return page.of(await session.many(queries.own_notes, **page.parameters))


@post("/api/v1/notes", access=authenticated(), status_code=201)
async def add_note(body: NewNote, tx: Transaction) -> Note:
    """Write a note."""
    note: Any = await tx.one(queries.add_note, **body.model_dump())
    await tx.enqueue(TidyNote(note_id=note.id))
    return note


@get("/api/v1/topics", access=anyone(rate="60/minute"))
async def list_topics(session: Session) -> Topics:
    """List what notes can be about."""
    return Topics(topics=await session.many(queries.all_topics))
