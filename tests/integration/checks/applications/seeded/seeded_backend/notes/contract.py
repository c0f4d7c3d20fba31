"""What callers send and get."""

from datetime import datetime
from uuid import UUID

from clarivum.api import Contract


class Fine(Contract):
    """A row of public.fine that fits it."""

    id: UUID
    source: str
    body: str | None
    created_at: datetime


class NewFine(Contract):
    """What add_fine takes."""

    subject: str
    source: str


class Unfit(Contract):
    """A row of public.fine that does not fit it."""

    id: int
    body: str
    missing: str


class FineList(Contract):
    """The answer."""

    items: list[Fine]
