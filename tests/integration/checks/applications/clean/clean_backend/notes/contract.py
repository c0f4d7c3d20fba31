"""What callers send and get."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from clarivum.api import Contract


class Note(Contract):
    """A note."""

    id: UUID
    topic: str
    body: str | None
    status: Literal["open", "done"]
    created_at: datetime


class NewNote(Contract):
    """A note to be written."""

    topic: str
    body: str | None = None


class Topic(Contract):
    """What notes can be about."""

    name: str
    about: str


class Topics(Contract):
    """All topics."""

    topics: list[Topic]
