"""Purchases: what members paid for at Stripe gives them an entitlement and a receipt; a refund takes it back."""

from bff.purchases.jobs import fulfil_purchase, reconcile_purchases, revoke_purchase, send_receipt
from bff.purchases.queries import queries
from bff.purchases.routes import list_all_purchases, list_purchases, receive_stripe_event
from clarivum.application import Feature

feature = Feature(
    "purchases",
    owner="membership",
    routes=[receive_stripe_event, list_purchases, list_all_purchases],
    jobs=[fulfil_purchase, revoke_purchase, send_receipt, reconcile_purchases],
    queries=queries,
)
