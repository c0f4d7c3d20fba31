"""Ask for one's data; fetch it; ask to be erased; take that back."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from bff.privacy.contract import DataExport, Erasure, MemberData, StoredExport
from bff.privacy.jobs import EraseMember, ExportData
from bff.privacy.links import PATTERN, FileLink, file_link
from bff.privacy.queries import queries
from clarivum.api import Reply, anyone, authenticated, delete, get, post
from clarivum.auth import Principal
from clarivum.database import Session, Transaction
from clarivum.errors import CONFLICT, NOT_FOUND, RequestError

LinkToken = Annotated[str, StringConstraints(pattern=PATTERN), Field(examples=[f"{'0' * 32}.1795000000.{'0' * 64}"])]

CANCELLABLE_DAYS = 7
DAY_S = 86_400
NO_FILE = "There is no such file, or its link has expired."


@post("/api/v1/me/export", access=authenticated(rate="30/hour"), status_code=202, idempotent=True)
async def request_export(tx: Transaction, principal: Principal) -> DataExport:
    """Ask for all of the caller's data as a file.

    While one is being made, it is that one. GET the same path for the link.
    """
    export = await tx.maybe(queries.add_export, email=principal.email)
    if export is None:
        export = await tx.maybe(queries.latest_export)
    else:
        await tx.enqueue(ExportData(export_id=export.id))
    if export is None:
        raise RequestError("Another request for this file was just answered; ask again.", code=CONFLICT)
    return _shown(export)


@get("/api/v1/me/export", access=authenticated(rate="600/hour"), problems=[NOT_FOUND])
async def read_export(session: Session) -> DataExport:
    """Read the caller's newest request for their data, with the link once the file is ready."""
    export = await session.maybe(queries.latest_export)
    if export is None:
        raise RequestError("No file was asked for, or it has expired.", code=NOT_FOUND)
    return _shown(export)


@get(
    "/files/{token}",
    access=anyone(rate="60/minute"),
    as_worker="the link proves itself: it names one row and is signed with that row's key",
)
async def read_file(token: LinkToken, tx: Transaction) -> Reply[MemberData]:
    """Fetch a file by its link."""
    link = FileLink.read(token)
    stored = None
    if link is not None:
        with tx.as_worker():
            stored = await tx.maybe(queries.exported_file, export_id=link.export_id)
    if (
        link is None
        or stored is None
        or stored.link_key is None
        or not link.proves(stored.subject, stored.link_key, datetime.now(UTC))
    ):
        raise RequestError(NO_FILE, code=NOT_FOUND)
    disposition = {"content-disposition": 'attachment; filename="clarivum-data.json"'}
    return Reply(MemberData.model_validate(stored.content), headers=disposition)


@delete("/api/v1/me", access=authenticated(rate="30/hour"), status_code=202)
async def request_erasure(tx: Transaction, principal: Principal) -> Erasure:
    """Ask to be erased.

    It happens after seven days, until when it can be cancelled. A second request changes nothing.
    """
    erasure: Erasure | None = await tx.maybe(queries.add_erasure, email=principal.email, days=CANCELLABLE_DAYS)
    if erasure is not None:
        await tx.enqueue(EraseMember(erasure_id=erasure.id), delay_s=CANCELLABLE_DAYS * DAY_S)
        return erasure
    pending: Erasure | None = await tx.maybe(queries.own_pending_erasure)
    if pending is None:
        raise RequestError("The erasure was decided just now; ask again.", code=CONFLICT)
    return pending


@post("/api/v1/me/erasure/cancel", access=authenticated(rate="30/hour"), problems=[NOT_FOUND])
async def cancel_erasure(tx: Transaction) -> Erasure:
    """Take back the caller's request to be erased."""
    cancelled: Erasure | None = await tx.maybe(queries.cancel_erasure)
    if cancelled is None:
        raise RequestError("There is no erasure to cancel.", code=NOT_FOUND)
    return cancelled


def _shown(export: StoredExport) -> DataExport:
    link = None
    if export.link_key is not None and export.expires_at is not None:
        link = file_link(export.id, export.subject, export.link_key, export.expires_at)
    return DataExport(
        id=export.id, status=export.status, link=link, expires_at=export.expires_at, created_at=export.created_at
    )
