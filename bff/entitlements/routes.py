"""List one's entitlements; grant one to a member."""

from bff.entitlements.contract import Entitlement, EntitlementStatus, GrantEntitlement
from bff.entitlements.queries import queries
from clarivum.api import NewestFirst, Page, get, post, role
from clarivum.database import Session, Transaction


@get("/api/v1/entitlements", access=role("member"))
async def list_entitlements(
    session: Session, page: NewestFirst, status: EntitlementStatus | None = None
) -> Page[Entitlement]:
    """List the caller's entitlements, newest first, all or those of one status."""
    if status is None:
        rows = await session.many(queries.entitlements_page, **page.parameters)
    else:
        rows = await session.many(queries.entitlements_page_by_status, status=status, **page.parameters)
    return page.of(rows)


@post("/api/v1/admin/entitlements", access=role("admin"), status_code=201, idempotent=True)
async def grant_entitlement(body: GrantEntitlement, tx: Transaction) -> Entitlement:
    """Grant a product to a member."""
    entitlement: Entitlement = await tx.one(queries.grant_entitlement, **body.model_dump())
    return entitlement
