"""An application with routes for everybody and for staff, served in the test's own loop over a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import Field

from clarivum.api import Contract, Route, authenticated, get, post, role
from clarivum.api.server import build_app
from clarivum.auth import TokenVerifier
from clarivum.auth.standin.issuing import StandIn
from clarivum.database import Transaction, parse_queries
from clarivum.settings import Settings

SECRET = "Zq8v1R0u5yKx2mWc7TnB4eLh9dPs3gJf"
WORLD = """
create table public.prices (product text primary key, cents integer not null check (cents > 0));
alter table public.prices enable row level security;
alter table public.prices force row level security;
grant select, insert, update on public.prices to clarivum_staff;
create policy prices_staff on public.prices to clarivum_staff using (true) with check (true);
"""
queries = parse_queries(
    """
-- name: set_price -> one
insert into public.prices values (%(product)s, %(cents)s)
on conflict (product) do update set cents = excluded.cents returning product, cents
""",
    __file__,
)


class Price(Contract):
    """What a product costs."""

    product: str
    cents: Annotated[int, Field(ge=0)]


@post("/prices", access=role("admin", mfa=False), idempotent=True)
async def set_price(body: Price, tx: Transaction) -> Price:
    """Set a price."""
    price = Price(**await tx.one(queries.set_price, **body.model_dump()))
    if price.cents == 13:
        raise ValueError
    return price


@get("/secret", access=role("ops"))
async def secret() -> Price:
    """Tell staff with a second factor."""
    return Price(product="x", cents=1)


@post("/mine", access=authenticated())
async def mine(body: Price) -> Price:
    """Answer whoever is signed in."""
    return body


@dataclass(frozen=True)
class AuditedApplication:
    name: str = "audited"
    routes: tuple[Route, ...] = (set_price, secret, mine)


@dataclass
class AuditedApi:
    """A client of it, and who signs its tokens."""

    client: httpx.AsyncClient
    stand_in: StandIn

    def token(self, subject: str, *roles: str) -> dict[str, str]:
        """Of somebody who gave no second factor."""
        return {"authorization": f"Bearer {self.stand_in.issue(subject, roles, mfa=False)}"}


@asynccontextmanager
async def audited_api(url: str, data: Path) -> AsyncIterator[AuditedApi]:
    """Open while the block runs; at its end, what was noted is written."""
    settings = Settings.load({"DATABASE_URL": url, "AUTH_SECRET": SECRET, "CLARIVUM_LOG_LEVEL": "error"})
    stand_in = StandIn(settings, data)

    async def fetch(_url: str) -> bytes:
        return json.dumps(stand_in.key_set()).encode()

    app = build_app(AuditedApplication(), settings, verifier=TokenVerifier(settings, fetch=fetch))
    to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan"}, to_app.get, said.put))
    to_app.put_nowait({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api.test", trust_env=False
        ) as client:
            yield AuditedApi(client, stand_in)
    finally:
        to_app.put_nowait({"type": "lifespan.shutdown"})
        await running
