"""What callers send and get about leads."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import EmailStr, Field, StringConstraints

from clarivum.api import Contract

Source = Annotated[str, StringConstraints(min_length=1, max_length=80)]
UtmValue = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class LeadStatus(StrEnum):
    """How far we are with a lead."""

    CAPTURED = "captured"
    ENRICHED = "enriched"
    ANONYMISED = "anonymised"


class Utm(Contract):
    """The campaign parameters of the link that brought the visitor."""

    source: UtmValue | None = None
    medium: UtmValue | None = None
    campaign: UtmValue | None = None
    term: UtmValue | None = None
    content: UtmValue | None = None


class CaptureLead(Contract):
    """An address that asks to hear from us. The same email and source again are the same lead."""

    email: Annotated[EmailStr, StringConstraints(max_length=320)]
    source: Source
    vertical: Source | None = None
    marketing_opt_in: bool = False
    utm: Utm | None = None


class LeadAccepted(Contract):
    """The lead is stored; its enrichment is queued."""

    id: UUID
    status: Literal["accepted"] = "accepted"


class CapturedLead(Contract):
    """The row behind LeadAccepted."""

    id: UUID


class LeadAddress(Contract):
    """What the enrichment needs of a lead."""

    email: str


class Lead(Contract):
    """A lead as editors see it."""

    id: UUID
    email: Annotated[str, Field(max_length=320)]
    source: str
    vertical: str | None
    marketing_opt_in: bool
    status: LeadStatus
    audience: Literal["business", "personal"] | None
    created_at: datetime
    last_seen_at: datetime
    enriched_at: datetime | None
    revision: int
