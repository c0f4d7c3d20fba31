"""The BFF: contracts, routes and who may call them. Declarations only; `clarivum.api.server` serves them."""

from clarivum.api.access import Access, Rate, anyone, authenticated, role, signed
from clarivum.api.contract import Contract, ForeignContract
from clarivum.api.page import Keyset, NewestFirst, Page, PageRequest
from clarivum.api.reply import Client, Reply
from clarivum.api.revision import IfMatch
from clarivum.api.route import Route, delete, get, patch, post, put
from clarivum.api.webhook import WebhookSignature, stripe_signature

__all__ = [
    "Access",
    "Client",
    "Contract",
    "ForeignContract",
    "IfMatch",
    "Keyset",
    "NewestFirst",
    "Page",
    "PageRequest",
    "Rate",
    "Reply",
    "Route",
    "WebhookSignature",
    "anyone",
    "authenticated",
    "delete",
    "get",
    "patch",
    "post",
    "put",
    "role",
    "signed",
    "stripe_signature",
]
