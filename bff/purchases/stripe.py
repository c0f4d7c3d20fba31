"""What a Stripe event means for us. Pure.

A paid checkout session grants what it sold: `client_reference_id` is the member's subject, `metadata.product` the
product. A charge that was refunded in full takes it back. Everything else is stored and has no effect.
The objects: https://docs.stripe.com/api/checkout/sessions/object, https://docs.stripe.com/api/charges/object.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from bff.purchases.contract import StripeEvent
from clarivum.api import ForeignContract
from clarivum.errors import VALIDATION_FAILED, RequestError, Violation

PAYMENTS = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
REFUND = "charge.refunded"
SETTLED = frozenset({"paid", "no_payment_required"})

Id = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Amount = Annotated[int, Field(ge=0, lt=2**63)]
Currency = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]


class CustomerDetails(ForeignContract):
    """Who paid, as they told the checkout."""

    email: Annotated[str, StringConstraints(min_length=3, max_length=320)] | None = None


class SessionMetadata(ForeignContract):
    """What our front end wrote into the session when it made it."""

    product: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = None


class CheckoutSession(ForeignContract):
    """A checkout session, as far as it matters here."""

    id: Id
    mode: Id
    payment_status: Id
    payment_intent: Id | None = None
    client_reference_id: Id | None = None
    metadata: SessionMetadata | None = None
    amount_total: Amount | None = None
    currency: Currency | None = None
    customer_details: CustomerDetails | None = None


class Charge(ForeignContract):
    """A charge, as far as it matters here. `refunded` is true when all of it was paid back."""

    id: Id
    refunded: bool
    payment_intent: Id | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from an event. `effect` None: nothing. `missing` names what a payment lacks to be one of ours."""

    effect: Literal["payment", "refund"] | None = None
    payment: str | None = None
    subject: str | None = None
    product: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    email: str | None = None
    missing: str | None = None


NOTHING = Meaning()


def meaning_of(event: StripeEvent) -> Meaning:
    """Raises RequestError `validation_failed` for an object of a known type that does not fit it: Stripe sends it again
    for three days."""
    if event.type in PAYMENTS:
        return _payment(_object(CheckoutSession, event))
    if event.type == REFUND:
        charge = _object(Charge, event)
        if charge.refunded and charge.payment_intent is not None:
            return Meaning("refund", charge.payment_intent)
    return NOTHING


def _payment(session: CheckoutSession) -> Meaning:
    if session.mode != "payment" or session.payment_status not in SETTLED:
        return NOTHING
    product = None if session.metadata is None else session.metadata.product
    email = None if session.customer_details is None else session.customer_details.email
    needed = {
        "client_reference_id": session.client_reference_id,
        "metadata.product": product,
        "amount_total": session.amount_total,
        "currency": session.currency,
    }
    missing = ", ".join(name for name, value in needed.items() if value is None)
    if missing:
        return Meaning(missing=missing)
    return Meaning(
        "payment",
        session.payment_intent or session.id,
        session.client_reference_id,
        product,
        session.amount_total,
        session.currency,
        email,
    )


T = TypeVar("T", bound=ForeignContract)


def _object(kind: type[T], event: StripeEvent) -> T:
    try:
        return kind.model_validate(event.data.object, strict=True)
    except ValidationError as error:
        found = [
            Violation("/data/object/" + "/".join(map(str, each["loc"])), each["msg"], each["type"])
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise RequestError(f"The object is no {kind.__name__}.", code=VALIDATION_FAILED, violations=found) from None
