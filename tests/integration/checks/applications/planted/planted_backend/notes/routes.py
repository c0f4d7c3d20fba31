"""Read notes and events."""

from datetime import date

from clarivum.api import authenticated, get
from clarivum.database import Session
from planted_backend.notes.contract import Count, Events, Notes
from planted_backend.notes.queries import queries


@get("/api/v1/notes", access=authenticated())
async def list_notes(session: Session, limit: int = 20) -> Notes:
    """List notes."""
    return Notes(items=await session.many(queries.own_notes, limit=limit))


@get("/api/v1/events", access=authenticated())
async def list_events(session: Session, before: date, limit: int = 20) -> Events:
    """List events."""
    return Events(items=await session.many(queries.own_events, before=before, limit=limit))


@get("/api/v1/setting", access=authenticated())
async def count_setting(session: Session) -> Count:
    """Read a setting."""
    return await session.one(queries.careless_setting)
