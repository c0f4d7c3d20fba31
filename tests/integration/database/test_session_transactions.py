"""Transactions on a connection of their own: round trips, all or nothing, what a failure leaves behind."""

import asyncio
import contextlib
from uuid import UUID, uuid4

import pytest

from clarivum.database import Database, DatabaseError, Transaction, retrying
from clarivum.errors import CONFLICT, UNAVAILABLE, DeclarationError, RequestError
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.waiting import eventually
from tests.integration.database.conftest import Admin
from tests.integration.database.session_queries import QUERIES, member
from tests.integration.database.session_wire_tap import WireTap

ALICE = member("auth0|alice")


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_a_transaction_carries_the_callers_context_and_ends_it(database: Database) -> None:
    async with database.session(ALICE).transaction() as tx:
        first = await tx.one(QUERIES.in_force_when_writing)
        second = await tx.one(QUERIES.in_force_when_writing)
    assert first == second
    assert (first["role"], first["claims"], first["statement_timeout"]) == ("authenticated", ALICE.claims, "8s")
    assert first["read_only"] == "off"
    bob = member("auth0|bob", timeout_ms=1_000)
    async with database.session(bob).transaction() as tx:
        other = await tx.one(QUERIES.in_force_when_writing)
    assert other["pid"] == first["pid"], "the pool hands out the connection used last"
    assert (other["claims"], other["statement_timeout"]) == (bob.claims, "1s")


async def test_it_commits_as_a_whole_and_rolls_back_as_a_whole(database: Database) -> None:
    session = database.session(ALICE)
    async with session.transaction() as tx:
        await tx.one(QUERIES.add_note, tenant="auth0|alice", body="one")
        assert await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="two") == 1
        assert [note.body for note in await tx.many(QUERIES.notes)] == ["one", "two"]
        assert await tx.maybe(QUERIES.note_or_none, body="three") is None

    async def fail() -> None:
        async with session.transaction() as tx:
            await tx.one(QUERIES.add_note, tenant="auth0|alice", body="three")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert [note.body for note in await session.many(QUERIES.notes)] == ["one", "two"]
    assert database.stats().connections_in_use == 0


async def test_round_trips(admin: Admin, database_urls: DatabaseUrls) -> None:
    """BEGIN and context ride with the first statement, deferred ones with the next or with COMMIT."""
    tcp_url = database_urls.server.app_url(database_urls.name, tcp=True)
    async with WireTap(tcp_url) as tap, Database(tap.url, pipelines=1, connections=1) as database:
        session = database.session(ALICE)
        before = tap.turns
        async with session.transaction() as tx:
            tx.defer(QUERIES.add_note, tenant="auth0|alice", body="one")
            with tx.as_worker():
                tx.defer(QUERIES.add_note, tenant="somebody", body="two")
        assert tap.turns - before == 1
        before = tap.turns
        async with session.transaction() as tx:
            await tx.one(QUERIES.note, body="one")
            tx.defer(QUERIES.add_note, tenant="auth0|alice", body="three")
        assert tap.turns - before == 2
        before = tap.turns
        async with session.transaction():
            pass
        assert tap.turns == before, "an empty transaction takes no connection"
        before = tap.turns
        assert await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="four") == 1
        assert tap.turns - before == 1
        assert len(await session.many(QUERIES.notes)) == 3
    assert admin.run("select count(*) from public.notes") == [(4,)]


async def test_as_worker_switches_the_role_for_its_statements_only(database: Database) -> None:
    async with database.session(ALICE).transaction() as tx:
        roles = [(await tx.one(QUERIES.in_force_when_writing))["role"]]
        with tx.as_worker():
            row = await tx.one(QUERIES.in_force_when_writing)
            roles.append(row["role"])
            assert row["claims"] == ALICE.claims
            tx.defer(QUERIES.add_note, tenant="somebody else", body="by the worker")
        roles.append((await tx.one(QUERIES.in_force_when_writing))["role"])
        assert await tx.many(QUERIES.notes) == [], "the caller does not see what the worker may write"
    assert roles == ["authenticated", "clarivum_worker", "authenticated"]


async def test_a_deferred_statement_fails_at_commit_and_is_named(database: Database) -> None:
    session = database.session(ALICE)
    await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="taken")
    committed: list[str] = []

    async def work() -> None:
        async with session.transaction() as tx:
            tx.on_commit(lambda: committed.append("yes"))
            await tx.one(QUERIES.add_note, tenant="auth0|alice", body="fresh")
            tx.defer(QUERIES.add_note_quietly, tenant="auth0|alice", body="taken")

    with pytest.raises(DatabaseError) as refused:
        await work()
    assert refused.value.code is CONFLICT
    assert refused.value.log is not None
    assert "add_note_quietly" in refused.value.log
    assert committed == []
    assert [note.body for note in await session.many(QUERIES.notes)] == ["taken"]


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_what_is_only_deferred_succeeds_or_fails_as_one(database: Database) -> None:
    """One round trip, without BEGIN and COMMIT."""
    session = database.session(ALICE)

    async def defer(*bodies: str) -> None:
        async with session.transaction() as tx:
            for body in bodies:
                tx.defer(QUERIES.add_note_quietly, tenant="auth0|alice", body=body)

    await defer("one", "two")
    with pytest.raises(DatabaseError) as refused:
        await defer("three", "two", "four")
    assert refused.value.code is CONFLICT
    assert not refused.value.unknown_outcome
    assert [note.body for note in await session.many(QUERIES.notes)] == ["one", "two"]


async def test_on_commit_runs_after_the_commit(database: Database) -> None:
    committed: list[str] = []
    async with database.session(ALICE).transaction() as tx:
        tx.on_commit(lambda: committed.append("yes"))
        await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="one")
        assert committed == []
    assert committed == ["yes"]


async def test_a_swallowed_error_does_not_commit(database: Database) -> None:
    session = database.session(ALICE)

    async def work() -> None:
        async with session.transaction() as tx:
            await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="one")
            with pytest.raises(DatabaseError):
                await tx.one(QUERIES.divide, divisor=0)
            with pytest.raises(DatabaseError):
                await tx.many(QUERIES.notes)

    with pytest.raises(DatabaseError) as raised:
        await work()
    assert raised.value.sqlstate == "22012"
    assert await session.many(QUERIES.notes) == []


async def test_a_constraint_checked_at_commit_is_reported(database: Database) -> None:
    session = database.session(ALICE)
    assert await session.execute(QUERIES.add_pair, left_id=1, right_id=1) == 1
    with pytest.raises(DatabaseError) as alone:
        await session.execute(QUERIES.add_pair, left_id=1, right_id=2)
    with pytest.raises(DatabaseError) as together:
        async with session.transaction() as tx:
            await tx.execute(QUERIES.add_pair, left_id=1, right_id=2)

    async def defer() -> None:
        async with session.transaction() as tx:
            tx.defer(QUERIES.add_pair, left_id=1, right_id=2)
            tx.defer(QUERIES.add_pair, left_id=3, right_id=3)

    with pytest.raises(DatabaseError) as deferred:
        await defer()
    assert alone.value.code is together.value.code is deferred.value.code is CONFLICT
    assert await session.execute(QUERIES.add_pair, left_id=2, right_id=2) == 1, "the connection is still of use"


async def test_a_cancelled_statement_stops_on_the_server_and_leaves_a_clean_connection(
    admin: Admin, database: Database
) -> None:
    session = database.session(ALICE)

    async def work() -> None:
        async with session.transaction() as tx:
            await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="lost")
            await tx.one(QUERIES.wait, key=7)

    with admin.holding(7):
        task = asyncio.create_task(work())
        await eventually(lambda: admin.backends("wait_event = 'advisory'") == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: database.stats().connections_in_use == 0)
        assert admin.backends("wait_event = 'advisory'") == 0
        assert admin.backends("state like 'idle in transaction%'") == 0
    assert await session.many(QUERIES.notes) == []
    assert database.stats().connections_open == 1, "the connection was mended, not replaced"


async def test_a_timeout_of_the_callers_inside_the_block_ends_the_transaction(admin: Admin, database: Database) -> None:
    session = database.session(ALICE)

    async def work() -> None:
        async with session.transaction() as tx:
            await tx.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="lost")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await tx.one(QUERIES.wait, key=7)

    with admin.holding(7), pytest.raises(DatabaseError) as ended:
        await work()
    assert ended.value.code is UNAVAILABLE
    assert await session.many(QUERIES.notes) == []


async def test_serialization_failures_are_retried_as_whole_transactions(admin: Admin, database: Database) -> None:
    session = database.session(ALICE)
    both_have_read = asyncio.Barrier(2)
    attempts: list[str] = []

    async def skew(read: str, write: str) -> None:
        attempts.append(write)
        async with session.transaction(isolation="serializable") as tx:
            await tx.one(QUERIES.counter, name=read)
            if len(attempts) <= 2:
                await both_have_read.wait()
            await tx.execute(QUERIES.raise_counter, name=write)

    pauses: list[float] = []

    async def no_pause(pause_s: float) -> None:
        pauses.append(pause_s)

    await asyncio.gather(
        retrying(lambda: skew("a", "b"), sleep=no_pause), retrying(lambda: skew("b", "a"), sleep=no_pause)
    )
    assert len(attempts) == 3, "one of the two had to run again"
    assert len(pauses) == 1
    assert admin.run("select value from public.counters order by name") == [(1,), (1,)]


async def test_enqueue_hands_the_transaction_to_the_outbox(database: Database) -> None:
    class Recording:
        def put(self, tx: Transaction, payload: object, *, delay_s: int = 0) -> UUID:
            with tx.as_worker():
                tx.defer(QUERIES.add_note, tenant="queue", body=str(payload))
            return uuid4()

    session = database.session(ALICE)
    with pytest.raises(DeclarationError):
        async with session.transaction() as tx:
            await tx.enqueue("nowhere")
    database.outbox = Recording()
    async with session.transaction() as tx:
        assert isinstance(await tx.enqueue("a job"), UUID)


async def test_parameters_are_checked_before_anything_is_sent(database: Database) -> None:
    session = database.session(ALICE)
    for parameters, complaint in (
        ({}, "missing tenant, body"),
        ({"tenant": "a", "body": "b", "boddy": "c"}, "unknown parameter boddy"),
        ({"tenant": "a", "boddy": "c"}, "missing body; unknown parameter boddy"),
        ({"tenant": "a", "body": object()}, "cannot be a parameter"),
    ):
        with pytest.raises(TypeError, match=complaint):
            await session.execute(QUERIES.add_note_quietly, **parameters)
    assert database.stats().connections_in_use == 0


async def test_a_transaction_is_of_no_use_outside_its_block(database: Database) -> None:
    async with database.session(ALICE).transaction() as tx:
        await tx.many(QUERIES.notes)
    with pytest.raises(RequestError):
        await tx.many(QUERIES.notes)
