"""Events in the shape of Stripe's, with more members than we read, as theirs have."""

import time
import uuid
from typing import Any


def event(kind: str, content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "api_version": "2026-10-29.clover",
        "created": int(time.time()),
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": content},
        **changes,
    }


def checkout(
    payment: str = "pi_1", *, subject: str | None = "auth0|alice", product: str = "insights", **changes: Any
) -> dict[str, Any]:
    """A checkout session that was paid."""
    return {
        "id": f"cs_test_{uuid.uuid4().hex}",
        "object": "checkout.session",
        "mode": "payment",
        "payment_status": "paid",
        "payment_intent": payment,
        "client_reference_id": subject,
        "metadata": {"product": product, "campaign": "spring"},
        "amount_total": 4_900,
        "currency": "eur",
        "customer_details": {"email": "alice@example.org", "name": "Alice", "address": {"country": "PL"}},
        "payment_method_types": ["card"],
        **changes,
    }


def paid(payment: str = "pi_1", **changes: Any) -> dict[str, Any]:
    return event("checkout.session.completed", checkout(payment, **changes))


def refunded(payment: str | None = "pi_1", *, whole: bool = True) -> dict[str, Any]:
    charge = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": payment,
        "refunded": whole,
        "amount_refunded": 4_900 if whole else 100,
        "payment_method_details": {"card": {"last4": "4242", "brand": "visa"}},
        "billing_details": {"email": "alice@example.org", "name": "Alice"},
    }
    return event("charge.refunded", charge)
