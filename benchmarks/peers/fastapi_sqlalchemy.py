"""FastAPI + SQLAlchemy on asyncpg, served by uvicorn with uvloop and httptools, as their documentation has it.

asyncpg has no pipeline: BEGIN, the settings, the query and COMMIT are four round trips.
"""

import json
import os
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.request import urlopen
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import BaseModel
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

SETTINGS = json.loads(os.environ["PEER"])
DATABASE = SETTINGS["database"]
CACHED_TOKENS = 10_000
LATEST = datetime.max.replace(tzinfo=UTC)  # asyncpg's own stand-in for infinity


class Entitlement(BaseModel):
    id: UUID
    product: str
    status: str
    source: str
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    revision: int


class Page(BaseModel):
    items: list[Entitlement]
    next: str | None


def named(sql: str) -> Any:
    """SQL with $n as SQLAlchemy's `text`, with casts kept apart from its `:name` parameters."""
    return text(re.sub(r"\$(\d+)", r":p\1", sql).replace("::", r"\:\:"))


engine = create_async_engine(
    URL.create(
        "postgresql+asyncpg",
        DATABASE["user"],
        DATABASE["password"],
        DATABASE["host"],
        DATABASE["port"],
        DATABASE["name"],
    ),
    pool_size=SETTINGS["pool"],
    max_overflow=0,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
with urlopen(SETTINGS["jwks_url"]) as answer:
    keys = KeySet.import_key_set(json.load(answer))
claims_requests = jwt.JWTClaimsRegistry(
    leeway=30,
    iss={"essential": True, "value": SETTINGS["issuer"]},
    aud={"essential": True, "value": SETTINGS["audience"]},
    exp={"essential": True},
)
verified: dict[str, tuple[str, float]] = {}
cache = {"hits": 0, "misses": 0}
CONTEXT, READ = SETTINGS["context"], SETTINGS["read"]
context_sql, read_sql = named(CONTEXT["sql"]), named(READ["sql"])
read_values = {f"p{number}": LATEST if value == "infinity" else value for number, value in enumerate(READ["values"], 1)}
app = FastAPI()


async def caller(authorization: Annotated[str | None, Header()] = None) -> str:
    """The claims text of the bearer token."""
    known = verified.get(authorization or "")
    if known is not None and known[1] > time.time():
        cache["hits"] += 1
        return known[0]
    if authorization is None or not authorization.startswith("Bearer "):
        raise HTTPException(401)
    cache["misses"] += 1
    try:
        token = jwt.decode(authorization[7:], keys, algorithms=["RS256"]).claims
        claims_requests.validate(token)
    except Exception:
        raise HTTPException(401) from None
    roles = token.get(SETTINGS["roles_claim"], [])
    claims = json.dumps({"sub": token["sub"], "role": "authenticated", "app_roles": roles}, separators=(",", ":"))
    if len(verified) >= CACHED_TOKENS:
        verified.pop(next(iter(verified)))
    verified[authorization] = claims, token["exp"]
    return claims


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions.begin() as opened:
        yield opened


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/cache")
async def cache_counts() -> dict[str, int]:
    return cache


@app.get("/api/v1/entitlements")
async def entitlements(
    claims: Annotated[str, Depends(caller)], session: Annotated[AsyncSession, Depends(session)]
) -> Page:
    values = (claims if value is None else value for value in CONTEXT["values"])
    await session.execute(context_sql, {f"p{number}": value for number, value in enumerate(values, 1)})
    rows = await session.execute(read_sql, read_values)
    return Page(items=[Entitlement.model_validate(dict(row)) for row in rows.mappings()], next=None)


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=SETTINGS["port"], loop="uvloop", http="httptools", access_log=False,
        log_level="warning",
    )  # fmt: skip
