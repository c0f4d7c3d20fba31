"""What callers get."""

from datetime import date, datetime
from uuid import UUID

from clarivum.api import Contract


class Note(Contract):
    """A row of public.notes."""

    id: UUID
    slug: str
    created_at: datetime


class Event(Contract):
    """A row of public.events."""

    kind: str
    happened_on: date


class Notes(Contract):
    """Notes."""

    items: list[Note]


class Events(Contract):
    """Events."""

    items: list[Event]


class Count(Contract):
    """A number."""

    count: int
