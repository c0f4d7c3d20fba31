"""What members see and change of their profile."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from clarivum.api import Contract

DisplayName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]


class Profile(Contract):
    """A member's profile. `revision` is also the ETag that a change must name."""

    id: UUID
    email: str | None
    display_name: str | None
    locale: str
    marketing_opt_in: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class ProfileChange(Contract):
    """The members to change; what is left out stays, `display_name: null` removes the name."""

    display_name: DisplayName | None = None
    locale: Locale | None = None
    marketing_opt_in: bool | None = None
