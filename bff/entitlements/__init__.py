"""Entitlements: what a member may use, granted by administrators."""

from bff.entitlements.queries import queries
from bff.entitlements.routes import grant_entitlement, list_entitlements
from clarivum.application import Feature

feature = Feature("entitlements", owner="membership", routes=[list_entitlements, grant_entitlement], queries=queries)
