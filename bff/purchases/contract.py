"""What Stripe sends, and what members and administrators see of purchases."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from clarivum.api import Contract, ForeignContract

EventId = Annotated[str, StringConstraints(pattern=r"^evt_[A-Za-z0-9_]{1,200}$")]
LATEST_S = 4_102_444_800
"""The year 2100."""


class StripeEventData(ForeignContract):
    """`object` is a checkout session, a charge or whatever else `type` says."""

    object: dict[str, Any]


class StripeEvent(ForeignContract):
    """An event as Stripe sends it. What else it holds is ignored."""

    id: EventId
    type: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    created: Annotated[int, Field(ge=0, le=LATEST_S)]
    """Seconds since the epoch."""
    data: StripeEventData


class EventReceived(Contract):
    """The event is stored; what follows from it is queued. The same answer however often it is sent."""

    id: str


class PurchaseStatus(StrEnum):
    """Where a purchase stands."""

    PAID = "paid"
    FULFILLED = "fulfilled"
    REFUNDED = "refunded"


class Purchase(Contract):
    """A purchase as its member sees it."""

    id: UUID
    product: str
    amount_minor: int
    """In the currency's smallest unit: 4900 is 49.00 EUR."""
    currency: str
    status: PurchaseStatus
    paid_at: datetime
    refunded_at: datetime | None
    created_at: datetime


class AnyPurchase(Purchase):
    """A purchase as administrators see it."""

    subject: str
    payment: str
    """Stripe's id of the payment."""
    entitlement_id: UUID | None
    receipt_sent_at: datetime | None


class StoredEventId(Contract):
    """The row that a first delivery leaves."""

    id: str


class Lock(Contract):
    """A payment, held until the transaction ends."""

    held: Literal[True]


class StoredPayment(Contract):
    """The row of an event that says that something was paid."""

    payment: str
    subject: str | None
    product: str | None
    amount_minor: int | None
    currency: str | None
    email: str | None
    occurred_at: datetime
    handled_at: datetime | None


class StoredRefund(Contract):
    """The row of an event that says that a payment was paid back."""

    payment: str
    occurred_at: datetime


class PurchaseId(Contract):
    """A purchase that was recorded just now."""

    id: UUID


class PurchaseState(Contract):
    """What a refund needs of a purchase."""

    id: UUID
    status: PurchaseStatus
    entitlement_id: UUID | None


class Receipt(Contract):
    """What a receipt says, and where it goes."""

    id: UUID
    product: str
    amount_minor: int
    currency: str
    paid_at: datetime
    email: str | None


class UnsentReceipt(Contract):
    """A purchase whose receipt was not sent."""

    id: UUID


class UnhandledEvent(Contract):
    """An event whose effect is still missing."""

    id: str
    effect: Literal["payment", "refund"] | None
