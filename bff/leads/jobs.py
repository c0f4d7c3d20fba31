"""What happens to a lead after it was captured."""

from uuid import UUID

from bff.leads.audience import audience_of
from bff.leads.queries import queries
from clarivum.jobs import Payload, Run, job


class EnrichLead(Payload):
    """Find out what kind of address a captured lead is."""

    lead_id: UUID


@job(EnrichLead, name="leads.enrich", key="lead_id", timeout_s=10)
async def enrich_lead(payload: EnrichLead, run: Run) -> None:
    """Classify the address by its domain and note the result on the lead."""
    lead = await run.transaction.maybe(queries.lead_address, lead_id=payload.lead_id)
    if lead is None:
        return  # erased since it was captured: nothing to enrich
    await run.transaction.execute(queries.mark_enriched, lead_id=payload.lead_id, audience=audience_of(lead.email))
