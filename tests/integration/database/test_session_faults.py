"""What the session layer survives: cancelled callers, slow neighbours, dead backends, a silent server."""

import asyncio
import time

import pytest

from clarivum.database import Database, DatabaseError
from clarivum.database.wire import connection as wire
from clarivum.database.wire import pipeline
from clarivum.errors import UNAVAILABLE
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.waiting import eventually
from tests.integration.database.conftest import Admin
from tests.integration.database.session_queries import QUERIES, member
from tests.integration.database.session_wire_tap import WireTap

ALICE = member("auth0|alice")
ONE_LOOP = pytest.mark.asyncio(loop_factories=["uvloop"])
"""For a test whose point takes seconds; which loop runs it does not matter to it."""


async def test_a_cancelled_caller_gives_its_answer_to_nobody(admin: Admin, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app, pipelines=1, connections=1) as database:
        session = database.session(ALICE)
        with admin.holding(1):
            waiting = asyncio.create_task(session.one(QUERIES.wait, key=1))
            behind = [asyncio.create_task(session.one(QUERIES.number, number=number)) for number in range(8)]
            await eventually(lambda: admin.backends("wait_event = 'advisory'") == 1)
            waiting.cancel()
            for task in behind[::2]:
                task.cancel()
        outcomes = await asyncio.gather(waiting, *behind, return_exceptions=True)
        assert isinstance(outcomes[0], asyncio.CancelledError)
        for number, outcome in enumerate(outcomes[1:]):
            if number % 2 == 0:
                assert isinstance(outcome, asyncio.CancelledError)
            else:
                assert outcome == {"number": number}
        await eventually(lambda: database.stats().reads_in_flight == 0)
        assert await session.one(QUERIES.number, number=99) == {"number": 99}


async def test_a_slow_query_ahead_in_line_holds_up_nobody(admin: Admin, database: Database) -> None:
    session = database.session(ALICE)
    await session.one(QUERIES.number, number=0)
    with admin.holding(1):
        slow = asyncio.create_task(session.one(QUERIES.wait, key=1))
        started_s = time.monotonic()
        reads = asyncio.gather(*(session.one(QUERIES.number, number=number) for number in range(60)))
        assert await reads == [{"number": number} for number in range(60)]
        assert time.monotonic() - started_s < pipeline.PATIENCE_S / 4, "those behind it went another way"
        assert not slow.done()
        await eventually(lambda: database.stats().connections_in_use == 1)  # past the short time-out: on its own one
        await eventually(lambda: database.stats().reads_in_flight == 0)  # those sent elsewhere are answered here too
        again = asyncio.create_task(session.one(QUERIES.wait, key=1))
        await eventually(lambda: database.stats().connections_in_use == 2)
        assert database.stats().reads_in_flight == 0, "and is remembered for a while"
    assert await asyncio.gather(slow, again) == [{"key": 1}, {"key": 1}]


async def test_slow_queries_at_the_head_of_every_line_hold_up_nobody(admin: Admin, database: Database) -> None:
    session = database.session(ALICE)
    with admin.holding(1):
        slow = [asyncio.create_task(session.one(QUERIES.wait, key=1)) for _ in range(2)]
        await eventually(lambda: admin.backends("wait_event = 'advisory'") == 2)
        started_s = time.monotonic()
        assert await session.one(QUERIES.number, number=1) == {"number": 1}
        assert time.monotonic() - started_s < pipeline.PATIENCE_S / 4
        assert not any(task.done() for task in slow)
    await asyncio.gather(*slow)


async def test_a_query_declared_slow_never_meets_the_shared_connections(admin: Admin, database: Database) -> None:
    with admin.holding(1):
        slow = asyncio.create_task(database.session(ALICE).one(QUERIES.wait_declared_slow, key=1))
        await eventually(lambda: admin.backends("wait_event = 'advisory'") == 1)
        assert database.stats().reads_in_flight == 0
        assert database.stats().connections_in_use == 1
        slow.cancel()
        await asyncio.wait([slow])
        await eventually(lambda: database.stats().connections_in_use == 0)
        assert admin.backends("wait_event = 'advisory'") == 0, "cancelling the caller cancels the statement"


@ONE_LOOP
async def test_the_roles_own_timeout_ends_a_read_with_503(admin: Admin, database: Database) -> None:
    with admin.holding(1), pytest.raises(DatabaseError) as ended:
        await database.session(member("auth0|alice", timeout_ms=600)).one(QUERIES.wait, key=1)
    assert ended.value.sqlstate == "57014"
    assert ended.value.code is UNAVAILABLE
    assert ended.value.retry_after_s is not None


async def test_reads_that_lost_their_backend_are_sent_once_more(admin: Admin, database: Database) -> None:
    session = database.session(ALICE)
    with admin.holding(1):
        reads = [asyncio.create_task(session.one(QUERIES.wait, key=1)) for _ in range(2)]
        reads += [asyncio.create_task(session.one(QUERIES.in_force)) for _ in range(6)]
        await eventually(lambda: admin.backends("wait_event = 'advisory'") == 2)
        assert admin.terminate() >= 2
    rows = await asyncio.gather(*reads)
    assert rows[:2] == [{"key": 1}, {"key": 1}]
    assert all(row["claims"] == ALICE.claims for row in rows[2:])
    await eventually(lambda: database.stats().pipelines_open == 2)


@ONE_LOOP
async def test_a_read_that_loses_its_backend_twice_is_503(
    admin: Admin, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "STALL_S", 60.0)
    with admin.holding(1):
        read = asyncio.create_task(database.session(ALICE).one(QUERIES.wait, key=1))
        for _ in range(2):
            await eventually(lambda: admin.backends("wait_event = 'advisory'") == 1)
            admin.terminate()
        with pytest.raises(DatabaseError) as lost:
            await read
    assert lost.value.code is UNAVAILABLE
    assert lost.value.retry_after_s is not None
    assert not lost.value.unknown_outcome


@ONE_LOOP
async def test_a_silent_server_is_given_up(
    admin: Admin, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "GRACE_S", 0.1)
    tcp_url = database_urls.server.app_url(database_urls.name, tcp=True)
    async with WireTap(tcp_url) as tap, Database(tap.url, pipelines=1, connections=1) as database:
        session = database.session(member("auth0|alice", timeout_ms=100))
        await session.one(QUERIES.number, number=1)
        with tap.swallowing():
            started_s = time.monotonic()
            with pytest.raises(DatabaseError) as silent:
                await session.one(QUERIES.number, number=2)
            assert silent.value.code is UNAVAILABLE
            assert time.monotonic() - started_s < pipeline.PATIENCE_S + 1
        tap.cut()
        await eventually(lambda: database.stats().pipelines_open == 1)
        assert await session.one(QUERIES.number, number=3) == {"number": 3}


async def test_a_commit_whose_answer_was_lost_is_never_success(admin: Admin, database_urls: DatabaseUrls) -> None:
    tcp_url = database_urls.server.app_url(database_urls.name, tcp=True)
    async with WireTap(tcp_url) as tap, Database(tap.url, pipelines=1, connections=2) as database:
        session = database.session(ALICE)
        committed: list[str] = []

        async def in_a_transaction() -> None:
            async with session.transaction() as tx:
                tx.on_commit(lambda: committed.append("yes"))
                await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="kept")
                swallow.set()
                await go.wait()

        async def alone() -> None:
            swallow.set()
            await go.wait()
            await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="kept too")

        async def deferred() -> None:
            async with session.transaction() as tx:
                tx.on_commit(lambda: committed.append("yes"))
                tx.defer(QUERIES.add_note_quietly, tenant="auth0|alice", body="kept as well")
                swallow.set()
                await go.wait()

        for work in (in_a_transaction, alone, deferred):
            await eventually(lambda: database.stats().pipelines_open == 1)
            await session.one(QUERIES.in_force_when_writing)
            swallow, go = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(work())
            await swallow.wait()
            with tap.swallowing():
                go.set()
                await tap.swallowed.wait()
                tap.cut()
                with pytest.raises(DatabaseError) as lost:
                    await task
            assert lost.value.code is UNAVAILABLE
            assert lost.value.unknown_outcome, (work.__name__, lost.value.log)
            assert not lost.value.retryable
        assert committed == []
    assert admin.run("select body from public.notes order by id") == [("kept",), ("kept too",), ("kept as well",)]


async def test_a_transaction_that_lost_its_backend_is_repeated_only_when_nothing_was_answered(
    admin: Admin, database: Database
) -> None:
    session = database.session(ALICE)
    with admin.holding(1):

        async def first_statement() -> object:
            async with session.transaction() as tx:
                return await tx.one(QUERIES.wait, key=1)

        task = asyncio.create_task(first_statement())
        await eventually(lambda: admin.backends("wait_event = 'advisory'") == 1)
        admin.terminate()
    assert await task == {"key": 1}

    async def lose_the_second_statement() -> None:
        async with session.transaction() as tx:
            await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="lost")
            admin.terminate()
            await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="lost too")

    with pytest.raises(DatabaseError) as lost:
        await lose_the_second_statement()
    assert lost.value.code is UNAVAILABLE
    assert not lost.value.unknown_outcome
    assert await session.many(QUERIES.notes) == []
    assert database.stats().connections_in_use == 0


@ONE_LOOP
async def test_an_exhausted_pool_is_503_within_two_seconds_and_reads_go_on(admin: Admin, database: Database) -> None:
    session = database.session(ALICE)
    with admin.holding(1):
        holders = [asyncio.create_task(session.one(QUERIES.wait_declared_slow, key=1)) for _ in range(4)]
        await eventually(lambda: database.stats().connections_in_use == 4)
        started_s = time.monotonic()
        refused = asyncio.create_task(session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="one"))
        await eventually(lambda: database.stats().connections_waiting == 1)
        assert await session.one(QUERIES.number, number=1) == {"number": 1}
        with pytest.raises(DatabaseError) as exhausted:
            await refused
        assert time.monotonic() - started_s < 2.5
        assert exhausted.value.code is UNAVAILABLE
        assert exhausted.value.retry_after_s is not None
        waiting = asyncio.create_task(session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="two"))
        await eventually(lambda: database.stats().connections_waiting == 1)
    assert await waiting == 1, "one who still waits gets the first connection that comes back"
    await asyncio.gather(*holders)
    assert database.stats().connections_in_use == 0


async def test_a_waiter_cancelled_as_its_connection_arrives_passes_it_on(admin: Admin, database: Database) -> None:
    pool = database.pool
    held = [await pool.acquire() for _ in range(4)]
    first, second = (asyncio.create_task(pool.acquire()) for _ in range(2))
    await eventually(lambda: pool.waiting == 2)
    pool.release(held.pop())
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    held.append(await second)
    for connection in held:
        pool.release(connection)
    assert (pool.in_use, pool.open_count) == (0, 4)
