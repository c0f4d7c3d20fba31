"""Routes, of which one does not say who may call it."""

import clarivum.api as web
from clarivum.api import authenticated, get


@get("/api/v1/declared", access=authenticated(), status_code=204)
async def declared() -> None:
    """Say who may call it."""


@web.post("/api/v1/open")
async def open_to_whom() -> None:
    """Do not say who may call it."""
