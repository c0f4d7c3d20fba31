"""Prepared statements: one per query and role, planned once, and prepared again when they no longer fit."""

import asyncio

from clarivum.database import ANONYMOUS, Context, Database, retrying
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.database.conftest import Admin
from tests.integration.database.session_queries import QUERIES, member

ALICE = member("auth0|alice")


async def test_alternating_roles_keep_their_own_plans(admin: Admin, database_urls: DatabaseUrls) -> None:
    admin.run("grant select on public.notes to anon")
    admin.run("create policy notes_nobody on public.notes to anon using (false)")
    async with Database(database_urls.app, pipelines=1) as database:
        sessions = [database.session(ALICE), database.session(ANONYMOUS)]
        for _ in range(20):
            for session in sessions:
                await session.many(QUERIES.notes)
        rows = [row for row in await sessions[0].many(QUERIES.prepared) if row["statement"] == QUERIES.notes.sql]
    assert [(row["custom_plans"], row["generic_plans"]) for row in rows] == [(0, 20), (0, 20)]


async def test_a_query_with_parameters_settles_on_one_plan(admin: Admin, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app, pipelines=1) as database:
        session = database.session(ALICE)
        for _ in range(30):
            await session.maybe(QUERIES.note_or_none, body="x")
        rows = [row for row in await session.many(QUERIES.prepared) if row["statement"] == QUERIES.note_or_none.sql]
    assert [(row["custom_plans"], row["generic_plans"]) for row in rows] == [(5, 25)]


async def test_a_changed_table_is_read_anew_at_once(admin: Admin, database: Database) -> None:
    admin.run("insert into public.notes (tenant, body) values ('auth0|alice', 'first')")
    session = database.session(ALICE)
    writing = Context("authenticated", ALICE.claims, 8_000)
    assert set((await session.many(QUERIES.everything))[0]) == {"id", "tenant", "body"}
    async with database.session(writing).transaction() as tx:
        assert set((await tx.many(QUERIES.everything))[0]) == {"id", "tenant", "body"}
    admin.run("alter table public.notes add column colour text default 'red'")
    rows = await asyncio.gather(*(session.many(QUERIES.everything) for _ in range(10)))
    assert all(set(row[0]) == {"id", "tenant", "body", "colour"} for row in rows)
    async with database.session(writing).transaction() as tx:
        assert set((await tx.many(QUERIES.everything))[0]) == {"id", "tenant", "body", "colour"}


async def test_a_table_changed_within_a_transaction_makes_it_repeatable(
    admin: Admin, database_urls: DatabaseUrls
) -> None:
    admin.run("insert into public.notes (tenant, body) values ('auth0|alice', 'first')")
    async with Database(database_urls.app, pipelines=1, connections=1) as database:
        session = database.session(ALICE)
        attempts: list[int] = []

        async def work() -> set[str]:
            async with session.transaction() as tx:
                await tx.one(QUERIES.number, number=1)
                if len(attempts) == 1:
                    admin.run("alter table public.notes add column colour text default 'red'")
                attempts.append(1)
                return set((await tx.many(QUERIES.everything))[0])

        assert "colour" not in await retrying(work)
        assert "colour" in await retrying(work)
        assert len(attempts) == 3


async def test_statements_that_the_server_forgot_are_prepared_again(admin: Admin, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app, pipelines=1, connections=1) as database:
        session = database.session(ALICE)
        assert await session.one(QUERIES.number, number=1) == {"number": 1}
        await session.one(QUERIES.drop_prepared)
        assert await session.one(QUERIES.number, number=2) == {"number": 2}
        assert await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="one") == 1
        await session.one(QUERIES.drop_prepared_by_writing)
        assert await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="two") == 1
        await session.one(QUERIES.drop_prepared_by_writing)
        async with session.transaction() as tx:
            assert [note.body for note in await tx.many(QUERIES.notes)] == ["one", "two"]


async def test_a_statement_that_cannot_be_prepared_fails_alone_and_each_time(
    admin: Admin, database_urls: DatabaseUrls
) -> None:
    admin.run("alter table public.notes rename to hidden")
    async with Database(database_urls.app, pipelines=1) as database:
        session = database.session(ALICE)
        for _ in range(2):
            outcomes = await asyncio.gather(
                session.many(QUERIES.notes),
                session.one(QUERIES.number, number=1),
                session.many(QUERIES.notes),
                return_exceptions=True,
            )
            assert [getattr(outcome, "sqlstate", outcome) for outcome in outcomes] == ["42P01", {"number": 1}, "42P01"]
        admin.run("alter table public.hidden rename to notes")
        assert await session.many(QUERIES.notes) == []
