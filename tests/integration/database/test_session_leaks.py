"""Nothing of one caller ever reaches another: not their rows, not their claims, not what they set for the session."""

import asyncio
import contextlib
import random
from collections.abc import Iterator

import pytest

from clarivum.database import ANONYMOUS, Database, DatabaseError, parse_queries
from clarivum.errors import DeclarationError
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.database.conftest import Admin
from tests.integration.database.session_queries import QUERIES, member

TENANTS = 50
CALLERS = 40
REQUESTS = 8_000
TERMINATE_EVERY = 1_500


class Storm:
    """Interleaved callers of many tenants, with cancels, errors and killed backends from a seeded source."""

    def __init__(self, database: Database, admin: Admin, seed: int) -> None:
        self.database = database
        self.admin = admin
        self.random = random.Random(seed)
        self.refusals: set[int] = set()
        self.answers = self.errors = self.cancels = 0

    async def run(self, requests: int) -> None:
        numbers = iter(range(requests))
        await asyncio.gather(*(self.caller(numbers) for _ in range(CALLERS)))

    async def caller(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            if number % TERMINATE_EVERY == TERMINATE_EVERY - 1:
                self.admin.run(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'clarivum'"
                    " and datname = current_database() order by random() limit 1"
                )
            tenant = f"tenant-{self.random.randrange(TENANTS)}"
            act = self.random.choice([self.read, self.read, self.read, self.fail, self.transact, self.poison])
            task = asyncio.ensure_future(act(tenant))
            if self.random.random() < 0.1:
                for _ in range(self.random.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
            try:
                await task
                self.answers += 1
            except DatabaseError as error:
                self.refusals.add(error.code.status)
                self.errors += 1
            except asyncio.CancelledError:
                self.cancels += 1

    def check(self, row: dict[str, object], tenant: str, role: str = "authenticated") -> None:
        assert row["subject"] == tenant
        assert row["role"] == role
        assert row["tenants"] == [tenant], "a foreign row"

    async def read(self, tenant: str) -> None:
        self.check(await self.database.session(member(tenant)).one(QUERIES.mine), tenant)

    async def fail(self, tenant: str) -> None:
        await self.database.session(member(tenant)).one(QUERIES.divide, divisor=0)

    async def poison(self, tenant: str) -> None:
        await self.database.session(member(tenant)).one(self.random.choice([QUERIES.poison, QUERIES.poison_by_writing]))

    async def transact(self, tenant: str) -> None:
        ending = self.random.choice(["commit", "raise", "fail"])
        with contextlib.suppress(ZeroDivisionError):
            async with self.database.session(member(tenant)).transaction() as tx:
                tx.defer(QUERIES.raise_counter, name=f"no such counter of {tenant}")
                self.check(await tx.one(QUERIES.mine), tenant)
                with tx.as_worker():
                    row = await tx.one(QUERIES.in_force_when_writing)
                    assert (row["role"], tenant in row["claims"]) == ("clarivum_worker", True)
                self.check(await tx.one(QUERIES.mine), tenant)
                if ending == "fail":
                    await tx.one(QUERIES.divide, divisor=0)
                if ending == "raise":
                    raise ZeroDivisionError


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize("seed", [20261123])
async def test_no_foreign_row_ever(admin: Admin, database_urls: DatabaseUrls, seed: int) -> None:
    admin.run(
        "insert into public.notes (tenant, body) select 'tenant-' || t, 'note ' || t || '-' || n"
        " from generate_series(0, %s) t, generate_series(1, 3) n",
        TENANTS - 1,
    )
    async with Database(database_urls.app, pipelines=2, connections=2) as database:
        storm = Storm(database, admin, seed)
        await storm.run(REQUESTS)
        assert storm.answers + storm.errors + storm.cancels == REQUESTS
        assert storm.answers > REQUESTS / 2
        assert storm.errors > REQUESTS / 20
        assert storm.refusals <= {422, 503}
        assert storm.cancels > REQUESTS / 50
        async with asyncio.timeout(10):
            while database.stats().connections_in_use or database.stats().reads_in_flight:
                await asyncio.sleep(0.005)
        for tenant in ("tenant-1", "tenant-2"):
            await storm.read(tenant)


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_what_a_function_sets_for_the_session_reaches_nobody(admin: Admin, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app, pipelines=1, connections=1) as database:
        mallory, victim = database.session(member("auth0|mallory")), database.session(ANONYMOUS)
        clean = await victim.one(QUERIES.in_force)
        clean_when_writing = await victim.one(QUERIES.in_force_when_writing)
        assert (await mallory.one(QUERIES.poison))["poisoned"] == "poisoned"
        after_read = await victim.one(QUERIES.in_force)
        assert after_read == {**clean, "app_tenant": ""}, "same backend, and a clean session"
        assert (await mallory.one(QUERIES.poison_by_writing))["poisoned"] == "poisoned"
        after_write = await victim.one(QUERIES.in_force_when_writing)
        assert after_write == {**clean_when_writing, "app_tenant": ""}
        async with mallory.transaction() as tx:
            await tx.one(QUERIES.poison_by_writing)
        async with victim.transaction() as tx:
            assert await tx.one(QUERIES.in_force_when_writing) == {**clean_when_writing, "app_tenant": ""}


@pytest.mark.parametrize(
    "sql",
    [
        "select set_config('app.tenant', %(tenant)s, false)",
        "select set_config('app.tenant', %(tenant)s, %(is_local)s)",
        "select pg_advisory_lock(1), %(tenant)s",
        "set app.tenant = 'x'",
        "listen channel",
    ],
)
def test_sql_that_would_outlive_its_transaction_is_refused_when_it_is_loaded(sql: str) -> None:
    with pytest.raises(DeclarationError, match=r"queries\.sql:2"):
        parse_queries(f"-- name: poison -> one\n{sql}", "queries.sql")
