"""Take what Stripe tells; list purchases."""

from datetime import UTC, datetime

from bff.privacy.queries import queries as privacy
from bff.purchases.contract import AnyPurchase, EventReceived, Purchase, StripeEvent
from bff.purchases.jobs import FulfilPurchase, RevokePurchase
from bff.purchases.queries import queries
from bff.purchases.stripe import meaning_of
from clarivum.api import NewestFirst, Page, get, post, role, signed, stripe_signature
from clarivum.database import Session, Transaction
from clarivum.telemetry import get_logger

log = get_logger(__name__)


@post(
    "/webhooks/stripe",
    access=signed(stripe_signature("STRIPE_WEBHOOK_SECRET")),
    as_worker="the signature proves Stripe, who is no role of the database",
)
async def receive_stripe_event(body: StripeEvent, tx: Transaction) -> EventReceived:
    """Take an event from Stripe.

    It is stored once, however often it comes, and what follows from it is queued in the same transaction. Types that
    mean nothing here are stored as well. Who paid is left out where the member was erased.
    """
    meaning = meaning_of(body)
    if meaning.missing is not None:
        log.warning("a payment is not one of ours", event_id=body.id, missing=meaning.missing)
    with tx.as_worker():
        if meaning.subject is not None:
            await tx.one(privacy.lock_member_shared, subject=meaning.subject)
        stored = await tx.maybe(
            queries.store_event,
            id=body.id,
            type=body.type,
            occurred_at=datetime.fromtimestamp(body.created, UTC),
            effect=meaning.effect,
            payment=meaning.payment,
            subject=meaning.subject,
            product=meaning.product,
            amount_minor=meaning.amount_minor,
            currency=meaning.currency,
            email=meaning.email,
        )
    if stored is not None and meaning.effect == "payment":
        await tx.enqueue(FulfilPurchase(event_id=body.id, occasion=body.id))
    if stored is not None and meaning.effect == "refund":
        await tx.enqueue(RevokePurchase(event_id=body.id, occasion=body.id))
    return EventReceived(id=body.id)


@get("/api/v1/purchases", access=role("member"))
async def list_purchases(session: Session, page: NewestFirst) -> Page[Purchase]:
    """List the caller's purchases, newest first."""
    return page.of(await session.many(queries.purchases_page, **page.parameters))


@get("/api/v1/admin/purchases", access=role("admin"))
async def list_all_purchases(session: Session, page: NewestFirst) -> Page[AnyPurchase]:
    """List everybody's purchases, newest first."""
    return page.of(await session.many(queries.all_purchases_page, **page.parameters))
