"""What members see of their requests, and the file that they get."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from clarivum.api import Contract

MAX_ROWS = 100_000


class ExportStatus(StrEnum):
    """Whether the file can be fetched."""

    REQUESTED = "requested"
    READY = "ready"


class DataExport(Contract):
    """A member's request for their data. `link` is there when the file is, and works for 24 hours."""

    id: UUID
    status: ExportStatus
    link: str | None = None
    """A path of this API. Whoever has it can fetch the file, so it is the member's to keep."""
    expires_at: datetime | None
    created_at: datetime


class MemberData(Contract):
    """All that is stored about a member: rows by table. Keys and the platform's own bookkeeping are left out."""

    subject: str
    exported_at: datetime
    tables: dict[str, Annotated[list[dict[str, Any]], Field(max_length=MAX_ROWS)]]


class ErasureStatus(StrEnum):
    """Where an erasure stands."""

    REQUESTED = "requested"
    CANCELLED = "cancelled"
    DONE = "done"


class Erasure(Contract):
    """A member's erasure. Until `due_at` it can be cancelled."""

    id: UUID
    status: ErasureStatus
    due_at: datetime


class StoredExport(Contract):
    """The row behind DataExport, with what its link is signed with."""

    id: UUID
    subject: str
    status: ExportStatus
    link_key: bytes | None
    expires_at: datetime | None
    created_at: datetime


class ExportRequest(Contract):
    """Whose data is asked for."""

    subject: str
    email: str | None


class StoredFile(Contract):
    """A file, and what proves its link."""

    subject: str
    content: dict[str, Any] | None
    link_key: bytes | None


class PendingErasure(Contract):
    """Who is to be erased."""

    subject: str
    email: str | None


class OverdueExport(Contract):
    """A file that was asked for and not made."""

    id: UUID


class OverdueErasure(Contract):
    """An erasure that is due and did not happen."""

    id: UUID


class MemberLock(Contract):
    """A member, held until the transaction ends."""

    held: Literal[True]


class Address(Contract):
    """An e-mail address of a member, in lower case."""

    email: str | None
