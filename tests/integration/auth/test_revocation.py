"""Revocations between processes: two lists over one database, and what each believes while it cannot know."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from clarivum.auth import Reason, TokenRefusedError, TokenVerifier
from clarivum.auth.revocation import TRUSTED_FOR_S, RevocationList, Revocations
from clarivum.clock import SYSTEM_CLOCK
from clarivum.database import Database
from clarivum.errors import RequestError
from clarivum.testing.postgres import DatabaseUrls
from tests.unit.auth.forge import NOW, SETTINGS, Endpoint, Forge, TurnedClock

ALICE, BOB = "auth0|alice", "auth0|bob"
LONG_AGO, FAR_AHEAD = 1_000.0, 4_000_000_000.0


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    async with Database(database_urls.app) as database:
        yield database


async def until(condition: Callable[[], bool], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


async def test_another_process_hears_of_it_at_once(database: Database, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app) as other:
        here, there = Revocations(database), Revocations(other)
        there.open()
        try:
            await until(lambda: there.verdict("subject", ALICE, LONG_AGO) is False)
            await here.revoke_subject(ALICE, "logout")
            assert here.verdict("subject", ALICE, LONG_AGO) is True
            await until(lambda: there.verdict("subject", ALICE, LONG_AGO) is True, within_s=2)
            assert there.verdict("subject", BOB, LONG_AGO) is False
            assert there.verdict("session", ALICE, LONG_AGO) is False
            assert there.verdict("subject", ALICE, FAR_AHEAD) is False
        finally:
            await there.close()


async def test_a_process_that_just_started_asks_the_table(database: Database) -> None:
    first, fresh = Revocations(database), Revocations(database)
    await first.revoke_session("a-session", "replaced")
    assert fresh.verdict("session", "a-session", LONG_AGO) is None
    assert await fresh.is_revoked("session", "a-session", LONG_AGO)
    assert not await fresh.is_revoked("session", "a-session", FAR_AHEAD)
    assert not await fresh.is_revoked("session", "another", LONG_AGO)


async def test_what_was_revoked_before_the_start_is_read(database: Database) -> None:
    await Revocations(database).revoke_subject(ALICE, "administrator")
    later = Revocations(database)
    later.open()
    try:
        await until(lambda: later.verdict("subject", ALICE, LONG_AGO) is True)
        await until(lambda: later.verdict("subject", BOB, LONG_AGO) is False)
    finally:
        await later.close()


async def test_a_listener_that_was_cut_off_catches_up(database: Database, database_urls: DatabaseUrls) -> None:
    cut_off = Revocations(database)
    cut_off.open()
    try:
        await until(lambda: cut_off.verdict("subject", BOB, LONG_AGO) is False)
        with psycopg.connect(database_urls.admin, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%%' and datname = %s",
                (database_urls.name,),
            )
            admin.execute(
                "insert into clarivum.session_revocations (kind, name, reason, expires_at) "
                "values ('subject', %s, 'administrator', now() + interval '1 day')",
                (ALICE,),
            )
        await until(lambda: cut_off.verdict("subject", ALICE, LONG_AGO) is True)
    finally:
        await cut_off.close()


async def test_nobody_is_let_in_while_nobody_can_say(database: Database) -> None:
    revocations = Revocations(database)
    await database.close()
    with pytest.raises((RequestError, RuntimeError)):
        await revocations.is_revoked("subject", ALICE, LONG_AGO)


async def test_expired_entries_are_forgotten(database: Database, database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin, autocommit=True) as admin:
        admin.execute(
            "insert into clarivum.session_revocations (kind, name, revoked_before, reason, expires_at) "
            "values ('subject', 'auth0|old', now() - interval '40 days', 'logout', now() - interval '9 days')"
        )
        await Revocations(database).revoke_subject(ALICE, "logout")
        await Revocations(database).revoke_subject(ALICE, "administrator")
        names = admin.execute("select name, reason from clarivum.session_revocations").fetchall()
    assert names == [(ALICE, "administrator")]


async def test_a_token_from_before_is_refused_cached_or_not(database: Database, forge: Forge) -> None:
    clock = TurnedClock()
    revocations = Revocations(database)
    verifier = TokenVerifier(SETTINGS, clock, Endpoint(forge.key_set()), revocations=revocations)
    cached, fresh, other = forge.token(), forge.token(jti="2"), forge.token(sub=BOB)
    timeless, later = forge.token(iat=...), forge.token(iat=NOW + 20)
    await verifier.verify(cached)
    await verifier.verify(other)
    revocations.memory.trust()
    assert verifier.cached(cached) is not None
    revocations.memory.add("subject", ALICE, NOW + 0.5)
    assert verifier.cached(cached) is None
    for token in (cached, fresh, timeless):
        with pytest.raises(TokenRefusedError) as refused:
            await verifier.verify(token)
        assert refused.value.reason is Reason.REVOKED
        assert verifier.cached(token) is None
    assert verifier.cached(other) is not None
    assert (await verifier.verify(later)).subject == ALICE


# -- the memory, by itself --------------------------------------------------------------------------------------------
def test_the_memory_is_believed_for_half_a_minute() -> None:
    clock = TurnedClock()
    memory = RevocationList(clock)
    assert memory.verdict("subject", ALICE, NOW) is None
    memory.trust()
    assert memory.verdict("subject", ALICE, NOW) is False
    clock.turn(TRUSTED_FOR_S)
    assert memory.verdict("subject", ALICE, NOW) is None
    memory.add("subject", ALICE, NOW)
    assert memory.verdict("subject", ALICE, NOW) is True  # what is known to be revoked needs no news


@pytest.mark.parametrize(
    ("issued_at", "revoked"), [(NOW - 1, True), (NOW, True), (NOW + 0.9, True), (NOW + 1, False), (0, True)]
)
def test_the_second_of_a_revocation_belongs_to_it(issued_at: float, revoked: bool) -> None:
    memory = RevocationList(TurnedClock())
    memory.trust()
    memory.add("subject", ALICE, NOW + 0.7)
    memory.add("subject", ALICE, NOW - 50)  # an older one, heard of later, changes nothing
    assert memory.verdict("subject", ALICE, issued_at) is revoked


def test_a_full_memory_sends_questions_to_the_table() -> None:
    memory = RevocationList(SYSTEM_CLOCK, capacity=3)
    memory.trust()
    for number in range(4):
        memory.add("subject", f"auth0|{number}", NOW)
    memory.trust()
    assert len(memory) == 3
    assert memory.verdict("subject", "auth0|0", LONG_AGO) is None
    assert memory.verdict("subject", "auth0|3", LONG_AGO) is True
