"""What follows from a payment and from a refund, and what looks for those that nothing followed from.

Every decision about a payment is made while it is held (`hold_payment`), from all events that are stored: so it does
not matter in which order they come, nor how often.
"""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, StringConstraints

from bff.entitlements.queries import queries as entitlements
from bff.purchases.contract import Receipt, StoredPayment
from bff.purchases.queries import queries
from bff.purchases.receipt import receipt_letter
from clarivum.jobs import Payload, Run, TerminalError, job
from clarivum.mail import MailRefusedError, outgoing_mail
from clarivum.telemetry import counter

SOURCE = "stripe"
LATE_AFTER_S = 900
RECEIPT_ATTEMPTS = 12
"""Spread over 25 minutes in the mean, and over less than UNSENT_AFTER_S at the most."""
UNSENT_AFTER_S = 5_400
"""A receipt that was not sent so long after its purchase is asked for again, for UNSENT_DAYS."""
UNSENT_DAYS = 3
RECONCILED_AT_ONCE = 500

EventId = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Occasion = Annotated[str, StringConstraints(min_length=1, max_length=255)]

DIFFERENCES = counter(
    "clarivum.purchases.differences",
    "Stored events whose effect was missing when they were compared, and receipts that were not sent; asked for again.",
    attributes=("effect",),
)


class FulfilPurchase(Payload):
    """Give what was paid for. `occasion` is the event, and in a reconciliation also its day."""

    event_id: EventId
    occasion: Occasion


class RevokePurchase(Payload):
    """Take back what was refunded. `occasion` as in FulfilPurchase."""

    event_id: EventId
    occasion: Occasion


class SendReceipt(Payload):
    """Mail the receipt of a purchase."""

    purchase_id: UUID


class ReconcilePurchases(Payload):
    """Compare the events that are stored with what followed from them."""

    due_at: AwareDatetime


@job(FulfilPurchase, key="occasion", timeout_s=15)
async def fulfil_purchase(payload: FulfilPurchase, run: Run) -> None:
    """Grant what a payment was for, once per payment, and queue the receipt; nothing if it was refunded meanwhile."""
    tx = run.transaction
    event = await tx.maybe(queries.payment_event, event_id=payload.event_id)
    if event is None:
        return
    if event.subject is None:
        run.log.warning("nobody is left to have what was paid for: the member was erased", event_id=payload.event_id)
    else:
        await tx.one(queries.hold_payment, payment=event.payment)
        await _settle(event, run)
    await tx.execute(queries.mark_handled, event_id=payload.event_id)


async def _settle(event: StoredPayment, run: Run) -> None:
    tx = run.transaction
    refund = await tx.maybe(queries.refund_of_payment, payment=event.payment)
    purchase = await tx.maybe(
        queries.record_purchase,
        payment=event.payment,
        subject=event.subject,
        product=event.product,
        amount_minor=event.amount_minor,
        currency=event.currency,
        email=event.email,
        paid_at=event.occurred_at,
        refunded_at=None if refund is None else refund.occurred_at,
    )
    if purchase is None or refund is not None:
        return
    entitlement = await tx.one(
        entitlements.grant_entitlement,
        subject=event.subject,
        product=event.product,
        source=SOURCE,
        starts_at=None,
        ends_at=None,
    )
    await tx.execute(queries.mark_fulfilled, purchase_id=purchase.id, entitlement_id=entitlement.id)
    await tx.enqueue(SendReceipt(purchase_id=purchase.id))


@job(RevokePurchase, key="occasion", timeout_s=15)
async def revoke_purchase(payload: RevokePurchase, run: Run) -> None:
    """Take back what a refunded payment gave. A refund that comes before its payment waits in its row for it."""
    tx = run.transaction
    event = await tx.maybe(queries.refund_event, event_id=payload.event_id)
    if event is None:
        return
    await tx.one(queries.hold_payment, payment=event.payment)
    purchase = await tx.maybe(queries.purchase_of_payment, payment=event.payment)
    if purchase is not None:
        await tx.execute(queries.mark_refunded, purchase_id=purchase.id, refunded_at=event.occurred_at)
        if purchase.entitlement_id is not None:
            await tx.execute(entitlements.revoke_entitlement, id=purchase.entitlement_id)
    await tx.execute(queries.mark_handled, event_id=payload.event_id)


@job(
    SendReceipt,
    key="purchase_id",
    timeout_s=30,
    attempts=RECEIPT_ATTEMPTS,
    unique_s=UNSENT_AFTER_S,
    settings=("SMTP_URL", "CLARIVUM_MAIL_FROM"),
)
async def send_receipt(payload: SendReceipt, run: Run) -> None:
    """Mail the receipt to the address of the checkout, else of the profile. The purchase is in its Message-ID."""
    receipt = await run.transaction.maybe(queries.receipt, purchase_id=payload.purchase_id)
    if receipt is None:
        return  # sent already
    if receipt.email is None:
        run.log.warning("a receipt has no address to go to", purchase_id=str(payload.purchase_id))
        return
    await _mail(receipt, receipt.email, run)
    await run.transaction.execute(queries.mark_receipt_sent, purchase_id=payload.purchase_id)


async def _mail(receipt: Receipt, to: str, run: Run) -> None:
    mail, letter = outgoing_mail(), receipt_letter(receipt, to)

    async def hand_over(_key: str) -> bool:
        await mail.send(letter)
        return True

    try:
        await run.once("mail.receipt", hand_over)
    except (MailRefusedError, ValueError) as error:
        raise TerminalError(f"the receipt cannot be sent: {error}") from None


@job(ReconcilePurchases, key="due_at", timeout_s=60, schedule="30 2 * * *", timezone="Europe/Warsaw", missed="once")
async def reconcile_purchases(payload: ReconcilePurchases, run: Run) -> None:
    """Ask again for every effect that is missing after a quarter of an hour, and for unsent receipts; and count them.

    A receipt is asked for on three nights, each time with all its attempts.
    """
    late = await run.transaction.many(queries.unhandled_events, older_than_s=LATE_AFTER_S, limit=RECONCILED_AT_ONCE)
    for event in late:
        occasion = f"{event.id}@{payload.due_at:%Y-%m-%d}"
        kind = FulfilPurchase if event.effect == "payment" else RevokePurchase
        await run.transaction.enqueue(kind(event_id=event.id, occasion=occasion))
        DIFFERENCES.add(1, event.effect)
    unsent = await run.transaction.many(
        queries.unsent_receipts, older_than_s=UNSENT_AFTER_S, days=UNSENT_DAYS, limit=RECONCILED_AT_ONCE
    )
    for purchase in unsent:
        await run.transaction.enqueue(SendReceipt(purchase_id=purchase.id))
        DIFFERENCES.add(1, "receipt")
    report = run.log.warning if late or unsent else run.log.info
    more = RECONCILED_AT_ONCE in {len(late), len(unsent)}
    report("purchases compared", differences=len(late), receipts=len(unsent), more=more)
