"""Routes, and everything they can do wrong with a query."""

import psycopg

from clarivum.api import authenticated, get, post
from clarivum.database import Session, Transaction
from seeded_backend.notes.contract import Fine, FineList, NewFine
from seeded_backend.notes.queries import queries

TABLE = "fine"
COUNT = f"select count(*) from public.{TABLE}"


@get("/api/v1/fine", access=authenticated())
async def list_fine(session: Session, limit: int = 20) -> FineList:
    """List them."""
    await session.many(queries.fine_by_source, sorce="readme", limit=limit)
    await session.many(queries.not_permitted, id=1)
    await session.many("select 1")
    await session.many(queries.undeclared)
    return FineList(items=await session.many(queries.own_fine, limit=limit))


@post("/api/v1/fine", access=authenticated(), status_code=201)
async def add_fine(body: NewFine, tx: Transaction) -> Fine:
    """Add one. Select its row from the table as the docstring of a route may well say."""
    return await tx.one(queries.add_fine, **body.model_dump())


@get("/api/v1/forgotten", access=authenticated())
async def forgotten(session: Session) -> FineList:
    """Stand in no feature."""
    return FineList(items=[])


def around_the_session() -> object:
    """Use the driver itself."""
    return psycopg.connect
