"""The BFF: contracts, routes and who may call them. Declarations only; `clarivum.api.server` serves them."""

from clarivum.api.access import Access, Rate, anyone, authenticated, role
from clarivum.api.contract import Contract
from clarivum.api.page import Keyset, NewestFirst, Page, PageRequest
from clarivum.api.reply import Client, Reply
from clarivum.api.revision import IfMatch
from clarivum.api.route import Route, delete, get, patch, post, put

__all__ = [
    "Access",
    "Client",
    "Contract",
    "IfMatch",
    "Keyset",
    "NewestFirst",
    "Page",
    "PageRequest",
    "Rate",
    "Reply",
    "Route",
    "anyone",
    "authenticated",
    "delete",
    "get",
    "patch",
    "post",
    "put",
    "role",
]
