"""Make the file, delete it, erase the member, forget inactive leads; and look for what was promised and not done."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime
from pydantic_core import to_jsonable_python

from bff.privacy.contract import MAX_ROWS
from bff.privacy.queries import queries
from clarivum.auth import AuditEvent, audit_in, recorded_subject, revoke_subject_in
from clarivum.database import Transaction
from clarivum.jobs import Payload, Run, job
from clarivum.telemetry import counter

LINK_HOURS = 24
KEY_BYTES = 32
DELETED_AT_ONCE = 100
INACTIVE_DAYS = 365
ANONYMISED_AT_ONCE = 1_000
ASKED_AGAIN_S = 3_600
"""What was not done so long after it should have been is asked for again. The keys of the jobs that do it are unique
for as long, so that another run may carry out what a dead letter did not."""
RECONCILED_AT_ONCE = 500

OVERDUE = counter(
    "clarivum.privacy.overdue",
    "Files and erasures that were not done in time, and were asked for again.",
    attributes=("kind",),
)


class ExportData(Payload):
    """Write a member's data into a file."""

    export_id: UUID


class DeleteExports(Payload):
    """Delete files whose link has expired."""

    due_at: AwareDatetime


class EraseMember(Payload):
    """Erase a member who asked for it."""

    erasure_id: UUID


class ReconcilePrivacy(Payload):
    """Look for files and erasures that were promised and not done."""

    due_at: AwareDatetime


class AnonymiseLeads(Payload):
    """Forget who the leads were that nobody saw for twelve months."""

    due_at: AwareDatetime


@job(ExportData, key="export_id", timeout_s=60, unique_s=ASKED_AGAIN_S)
async def export_data(payload: ExportData, run: Run) -> None:
    """Collect all that is stored about a member, and keep it as a file for 24 hours."""
    tx = run.transaction
    request = await tx.maybe(queries.export_request, export_id=payload.export_id)
    if request is None:
        return  # made already, or erased
    tables = await _data_of(tx, request.subject, await _addresses(tx, request.subject, request.email))
    content = {"subject": request.subject, "exported_at": datetime.now(UTC), "tables": tables}
    await tx.execute(
        queries.keep_export,
        export_id=payload.export_id,
        content=to_jsonable_python(content),
        link_key=secrets.token_bytes(KEY_BYTES),
        hours=LINK_HOURS,
    )


@job(DeleteExports, key="due_at", timeout_s=30, schedule="17 * * * *", missed="once")
async def delete_exports(payload: DeleteExports, run: Run) -> None:
    """Delete files whose link has expired."""
    deleted = DELETED_AT_ONCE
    while deleted == DELETED_AT_ONCE and run.remaining_s() > 10:
        deleted = await run.transaction.execute(queries.delete_expired_exports, limit=DELETED_AT_ONCE)


@job(EraseMember, key="erasure_id", timeout_s=60, unique_s=ASKED_AGAIN_S)
async def erase_member(payload: EraseMember, run: Run) -> None:
    """Erase what can be erased, make a pseudonym of who it was elsewhere, and end all sessions; unless cancelled.

    What stores a member's payments locks the member first, or the event that it reads them from: what was stored before
    is erased here, and whoever comes later finds the member erased.
    """
    tx = run.transaction
    pending = await tx.maybe(queries.begin_erasure, erasure_id=payload.erasure_id)
    if pending is None:
        return  # cancelled, or done already
    subject, pseudonym = pending.subject, f"erased:{payload.erasure_id}"
    await tx.one(queries.lock_member, subject=subject)
    emails = await _addresses(tx, subject, pending.email)
    await tx.execute(queries.anonymise_purchase_events, subject=subject)  # first: a fulfilment holds the event it reads
    await tx.execute(queries.anonymise_purchases, subject=subject, pseudonym=pseudonym)
    await tx.execute(queries.withdraw_entitlements, subject=subject, pseudonym=pseudonym)
    await tx.execute(queries.anonymise_leads_of, emails=emails)
    await tx.execute(queries.delete_exports_of, subject=subject)
    await tx.execute(queries.empty_profile, subject=subject)
    await tx.execute(queries.end_erasure, erasure_id=payload.erasure_id, pseudonym=pseudonym)
    revoke_subject_in(tx, subject, "administrator")
    audit_in(tx, AuditEvent("revocation", "done", "member_erased", subject=pseudonym))
    run.log.info("member erased", erasure_id=str(payload.erasure_id))


@job(ReconcilePrivacy, key="due_at", timeout_s=60, schedule="45 3 * * *", timezone="Europe/Warsaw", missed="once")
async def reconcile_privacy(payload: ReconcilePrivacy, run: Run) -> None:
    """Ask again for every erasure that is past its day and every file that was not made within an hour, and count them.

    Their runs were given up, or their messages lost: nothing else would carry them out.
    """
    tx = run.transaction
    erasures = await tx.many(queries.overdue_erasures, older_than_s=ASKED_AGAIN_S, limit=RECONCILED_AT_ONCE)
    exports = await tx.many(queries.overdue_exports, older_than_s=ASKED_AGAIN_S, limit=RECONCILED_AT_ONCE)
    for erasure in erasures:
        await tx.enqueue(EraseMember(erasure_id=erasure.id))
    for export in exports:
        await tx.enqueue(ExportData(export_id=export.id))
    for kind, overdue in (("erasure", erasures), ("export", exports)):
        if overdue:
            OVERDUE.add(len(overdue), kind)
    report = run.log.error if erasures or exports else run.log.info
    report(
        "promises to members compared",
        erasures=len(erasures),
        exports=len(exports),
        more=RECONCILED_AT_ONCE in {len(erasures), len(exports)},
    )


@job(AnonymiseLeads, key="due_at", timeout_s=60, schedule="0 3 * * *", timezone="Europe/Warsaw", missed="once")
async def anonymise_leads(payload: AnonymiseLeads, run: Run) -> None:
    """Anonymise leads that nobody saw for twelve months, so many at a time; what is left is another run."""
    before = payload.due_at - timedelta(days=INACTIVE_DAYS)
    done = await run.transaction.execute(queries.anonymise_inactive_leads, before=before, limit=ANONYMISED_AT_ONCE)
    if done == ANONYMISED_AT_ONCE:
        await run.transaction.enqueue(AnonymiseLeads(due_at=payload.due_at + timedelta(seconds=1)))
    run.log.info("inactive leads anonymised", leads=done, more=done == ANONYMISED_AT_ONCE)


async def _addresses(tx: Transaction, subject: str, email: str | None) -> list[str]:
    """The member's verified addresses, in lower case: the request's and the profile's."""
    profile = await tx.maybe(queries.profile_address, subject=subject)
    found = {None if email is None else email.lower(), None if profile is None else profile.email}
    return sorted(address for address in found if address is not None)


async def _data_of(tx: Transaction, subject: str, emails: list[str]) -> dict[str, list[dict[str, object]]]:
    """Rows by table. Audited subjects that hold an address are stored as a digest."""
    recorded = recorded_subject(subject)
    return {
        "profiles": await tx.many(queries.profile_of, subject=subject),
        "entitlements": await tx.many(queries.entitlements_of, subject=subject, limit=MAX_ROWS),
        "purchases": await tx.many(queries.purchases_of, subject=subject, limit=MAX_ROWS),
        "purchase_events": await tx.many(queries.purchase_events_of, subject=subject, limit=MAX_ROWS),
        "leads": await tx.many(queries.leads_of, emails=emails, limit=MAX_ROWS),
        "erasures": await tx.many(queries.erasures_of, subject=subject),
        "audit_events": await tx.many(queries.audit_events_of, subject=recorded, limit=MAX_ROWS),
        "subject_roles": await tx.many(queries.roles_of, subject=recorded),
    }
