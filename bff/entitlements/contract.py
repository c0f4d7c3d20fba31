"""What members may use, as they and administrators see it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, StringConstraints, model_validator

from clarivum.api import Contract

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class EntitlementStatus(StrEnum):
    """Whether an entitlement can be used now."""

    ACTIVE = "active"
    PAUSED = "paused"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Entitlement(Contract):
    """What a member may use, from when to when, and where it came from."""

    id: UUID
    product: str
    status: EntitlementStatus
    source: str
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    revision: int


class GrantEntitlement(Contract):
    """A product for a member, from now or from `starts_at` on, for ever or until `ends_at`."""

    subject: Subject
    product: Name
    source: Name = "admin"
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be later than starts_at")
        return self
