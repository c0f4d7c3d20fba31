"""Leave an address; read the addresses left."""

from typing import Annotated

from pydantic import StringConstraints

from bff.leads.contract import CaptureLead, Lead, LeadAccepted, LeadStatus
from bff.leads.jobs import EnrichLead
from bff.leads.queries import queries
from clarivum.api import NewestFirst, Page, anyone, get, post, role
from clarivum.database import Session, Transaction

SourceFilter = Annotated[str, StringConstraints(min_length=1, max_length=80)]


@post(
    "/api/v1/leads",
    access=anyone(rate="600/minute"),
    status_code=202,
    idempotent=True,
    as_worker="a visitor may leave an address and read none; on conflict do update would need a SELECT policy for anon",
)
async def capture_lead(body: CaptureLead, tx: Transaction) -> LeadAccepted:
    """Capture a lead.

    The same email and source again are the same lead. Its enrichment is queued in the same transaction.
    """
    with tx.as_worker():
        lead = await tx.one(
            queries.capture_lead,
            email=body.email,
            source=body.source,
            vertical=body.vertical,
            marketing_opt_in=body.marketing_opt_in,
            utm=body.utm.model_dump(exclude_none=True) if body.utm else {},
        )
    await tx.enqueue(EnrichLead(lead_id=lead.id))
    return LeadAccepted(id=lead.id)


@get("/api/v1/admin/leads", access=role("editor", "admin", machines="read:leads"))
async def list_leads(
    session: Session, page: NewestFirst, source: SourceFilter | None = None, status: LeadStatus | None = None
) -> Page[Lead]:
    """List leads, newest first, all or those of one source or status."""
    match source, status:
        case None, None:
            rows = await session.many(queries.leads_page, **page.parameters)
        case _, None:
            rows = await session.many(queries.leads_page_by_source, source=source, **page.parameters)
        case None, _:
            rows = await session.many(queries.leads_page_by_status, status=status, **page.parameters)
        case _:
            rows = await session.many(
                queries.leads_page_by_source_and_status, source=source, status=status, **page.parameters
            )
    return page.of(rows)
