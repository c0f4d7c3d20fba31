"""Opening, closing, listening, and coming back after the server did."""

import asyncio
import time

import psycopg
import pytest

from clarivum.database import ANONYMOUS, Database, DatabaseError
from clarivum.errors import UNAVAILABLE, ConfigurationError, DependencyDownError
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.waiting import eventually
from tests.integration.database.conftest import Admin
from tests.integration.database.session_queries import QUERIES, member

ALICE = member("auth0|alice")
ONE_LOOP = pytest.mark.asyncio(loop_factories=["uvloop"])


async def test_a_superuser_serves_no_request(database_urls: DatabaseUrls) -> None:
    with pytest.raises(ConfigurationError, match="is a superuser"):
        await Database(database_urls.admin).open()


async def test_a_login_that_may_become_a_bypassing_role_serves_no_request(
    admin: Admin, database_urls: DatabaseUrls
) -> None:
    login = f"reaches_service_role_{database_urls.name}"
    admin.run(f"create role {login} login noinherit password 'not-a-secret'")
    try:
        admin.run(f"grant service_role to {login}")
        credentials = database_urls.app.partition("//")[2].partition("@")[0]
        url = database_urls.app.replace(credentials, f"{login}:not-a-secret")
        with pytest.raises(ConfigurationError, match="may become service_role") as refused:
            await Database(url).open()
        assert "not-a-secret" not in str(refused.value)
    finally:
        admin.run(f"drop role {login}")


async def test_a_database_that_does_not_answer_is_said_so_without_the_password(database_urls: DatabaseUrls) -> None:
    url = "postgresql://clarivum_api:not-a-secret@127.0.0.1:1/clarivum"
    started_s = time.monotonic()
    with pytest.raises(DependencyDownError) as down:
        await Database(url).open()
    assert time.monotonic() - started_s < 5
    assert "not-a-secret" not in f"{down.value.detail} {down.value.log}"


async def test_closing_ends_every_connection_and_tells_those_who_wait(
    admin: Admin, database_urls: DatabaseUrls
) -> None:
    database = Database(database_urls.app, pipelines=2, connections=2)
    await database.open()
    await database.ping()
    session = database.session(ALICE)
    with admin.holding(1):
        waiting = [
            asyncio.create_task(session.one(QUERIES.wait, key=1)),
            asyncio.create_task(session.one(QUERIES.wait_declared_slow, key=1)),
        ]
        await eventually(lambda: admin.backends("wait_event = 'advisory'") == 2)
        await database.close()
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, DatabaseError)
            assert outcome.code is UNAVAILABLE
    await eventually(lambda: admin.backends("true") == 0)
    with pytest.raises(RuntimeError, match="not open"):
        await session.one(QUERIES.number, number=1)
    await database.close()


async def test_notifications_arrive_and_a_reconnection_is_told(admin: Admin, database: Database) -> None:
    heard: list[str | None] = []

    async def hear() -> None:
        async for payload in database.listen('odd "channel"'):
            heard.append(payload)

    listening = asyncio.create_task(hear())
    await eventually(lambda: heard == [None])
    for number in range(3):
        admin.run("select pg_notify(%s, %s)", 'odd "channel"', f"job {number}")
    await eventually(lambda: len(heard) == 4)
    admin.terminate()
    await eventually(lambda: len(heard) == 5)
    admin.run("select pg_notify(%s, %s)", 'odd "channel"', "after")
    await eventually(lambda: len(heard) == 6)
    assert heard == [None, "job 0", "job 1", "job 2", None, "after"]
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await eventually(lambda: admin.backends("query ilike 'listen%'") == 0)


@ONE_LOOP
async def test_an_immediate_restart_under_load_is_over_within_ten_seconds(
    admin: Admin, database: Database, database_urls: DatabaseUrls
) -> None:
    session, anonymous = database.session(ALICE), database.session(ANONYMOUS)
    acknowledged: list[str] = []
    refusals: list[DatabaseError] = []
    outcomes = {"read": 0}
    stopping = asyncio.Event()

    async def load(name: int) -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            body = f"{name}-{number}"
            try:
                await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body=body)
                acknowledged.append(body)
                assert await anonymous.one(QUERIES.number, number=number) == {"number": number}
                outcomes["read"] += 1
            except DatabaseError as error:
                refusals.append(error)
                await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(load(name)) for name in range(8)]
    await eventually(lambda: outcomes["read"] > 200)
    await asyncio.to_thread(database_urls.server.restart, immediate=True)
    started_s, before = time.monotonic(), outcomes["read"]
    await eventually(lambda: outcomes["read"] > before + 200)
    assert time.monotonic() - started_s < 10
    stopping.set()
    await asyncio.gather(*tasks)
    await eventually(lambda: database.stats().pipelines_open == 2)
    assert all(error.code is UNAVAILABLE and error.retry_after_s for error in refusals)
    with psycopg.connect(database_urls.admin) as connection:
        stored = {row[0] for row in connection.execute("select body from public.notes")}
    assert stored >= set(acknowledged), "an acknowledged write was lost"


@ONE_LOOP
async def test_while_the_server_is_away_reads_fail_fast(database: Database, database_urls: DatabaseUrls) -> None:
    session = database.session(ANONYMOUS)
    server = database_urls.server
    port = server.port
    await asyncio.to_thread(server.stop, immediate=True)
    try:
        started_s = time.monotonic()
        outcomes = await asyncio.gather(
            *(session.one(QUERIES.number, number=number) for number in range(5)), return_exceptions=True
        )
        assert all(isinstance(outcome, DatabaseError) and outcome.code is UNAVAILABLE for outcome in outcomes)
        assert time.monotonic() - started_s < 3
        started_s = time.monotonic()
        with pytest.raises(DatabaseError):
            await session.one(QUERIES.number, number=1)
        assert time.monotonic() - started_s < 0.2, "known to be away: nobody waits for it"
        with pytest.raises(DatabaseError):
            await database.ping()
    finally:
        await asyncio.to_thread(server.start, port)
    await eventually(lambda: database.stats().pipelines_open == 2)
    assert await session.one(QUERIES.number, number=1) == {"number": 1}
