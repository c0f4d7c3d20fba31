"""Revocations between processes: two lists over one database, and what each believes while it cannot know."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from clarivum.auth import Reason, TokenRefusedError, TokenVerifier
from clarivum.auth.revocation import KEPT_S, TRUSTED_FOR_S, RevocationList, Revocations
from clarivum.database import Database
from clarivum.errors import RequestError
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.waiting import eventually
from tests.unit.auth.forge import NOW, SETTINGS, Endpoint, Forge, TurnedClock

ALICE, BOB = "auth0|alice", "auth0|bob"
LONG_AGO, FAR_AHEAD = 1_000.0, 4_000_000_000.0


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    async with Database(database_urls.app) as database:
        yield database


def revoke_earlier(urls: DatabaseUrls, subject: str) -> None:
    """An hour ago, by a process that is gone."""
    with psycopg.connect(urls.admin, autocommit=True) as admin:
        admin.execute(
            "insert into clarivum.session_revocations (kind, name, revoked_before, reason, expires_at) "
            "values ('subject', %s, clock_timestamp() - interval '1 hour', 'logout', now() + interval '1 day')",
            [subject],
        )


async def test_another_process_hears_of_it_at_once(database: Database, database_urls: DatabaseUrls) -> None:
    async with Database(database_urls.app) as other:
        here, there = Revocations(database), Revocations(other)
        there.open()
        try:
            await eventually(lambda: there.verdict("subject", ALICE, LONG_AGO) is False)
            await here.revoke_subject(ALICE, "logout")
            assert here.verdict("subject", ALICE, LONG_AGO) is True
            await eventually(lambda: there.verdict("subject", ALICE, LONG_AGO) is True, within_s=2)
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
        await eventually(lambda: later.verdict("subject", ALICE, LONG_AGO) is True)
        await eventually(lambda: later.verdict("subject", BOB, LONG_AGO) is False)
    finally:
        await later.close()


async def test_what_was_revoked_before_the_start_is_read_also_after_a_revocation_of_ones_own(
    database: Database, database_urls: DatabaseUrls
) -> None:
    revoke_earlier(database_urls, ALICE)
    fresh = Revocations(database)
    await fresh.revoke_subject(BOB, "logout")
    fresh.open()
    try:
        await eventually(lambda: fresh.verdict("subject", "auth0|carol", LONG_AGO) is False)
        assert fresh.verdict("subject", ALICE, LONG_AGO) is True
    finally:
        await fresh.close()


async def test_more_than_a_process_keeps_costs_a_look_for_old_tokens_alone(
    database: Database, database_urls: DatabaseUrls
) -> None:
    for subject in ("auth0|1", "auth0|2", "auth0|3"):
        revoke_earlier(database_urls, subject)
    small = Revocations(database, capacity=2)
    small.open()
    try:
        await eventually(lambda: small.verdict("subject", BOB, FAR_AHEAD) is False)
        assert small.verdict("subject", "auth0|1", LONG_AGO) is None
        assert await small.is_revoked("subject", "auth0|1", LONG_AGO)
        assert not await small.is_revoked("subject", BOB, LONG_AGO)
        assert small.verdict("subject", "auth0|3", LONG_AGO) is True
    finally:
        await small.close()


async def test_a_listener_that_was_cut_off_catches_up(database: Database, database_urls: DatabaseUrls) -> None:
    cut_off = Revocations(database)
    cut_off.open()
    try:
        await eventually(lambda: cut_off.verdict("subject", BOB, LONG_AGO) is False)
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
        await eventually(lambda: cut_off.verdict("subject", ALICE, LONG_AGO) is True)
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
    revocations.memory.compare([], whole=True)
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
    memory.compare([], whole=True)
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
    memory.compare([], whole=True)
    memory.add("subject", ALICE, NOW + 0.7)
    memory.add("subject", ALICE, NOW - 50)  # an older one, heard of later, changes nothing
    assert memory.verdict("subject", ALICE, issued_at) is revoked


def rows(*moments: float) -> list[dict[str, Any]]:
    """As the table gives them, oldest first: one subject's each."""
    return [{"kind": "subject", "name": f"auth0|{number}", "revoked_before": at} for number, at in enumerate(moments)]


def test_a_full_memory_sends_questions_about_old_tokens_to_the_table_and_no_others() -> None:
    memory = RevocationList(TurnedClock(), capacity=3)
    memory.compare([], whole=True)
    for row in rows(NOW - 40, NOW - 30, NOW - 20, NOW - 10):
        memory.add(row["kind"], row["name"], row["revoked_before"])
    assert len(memory) == 3
    assert memory.verdict("subject", "auth0|0", NOW - 50) is None
    assert memory.verdict("subject", BOB, NOW - 40) is None  # in the very second
    assert memory.verdict("subject", BOB, NOW - 39) is False
    assert memory.verdict("subject", "auth0|3", NOW - 50) is True
    assert memory.verdict("subject", "auth0|3", NOW - 9) is False


def test_a_table_that_was_not_read_to_its_end_leaves_open_what_is_older() -> None:
    memory = RevocationList(TurnedClock(), capacity=2)
    memory.add("subject", "auth0|2", NOW - 10)  # announced before the table was read
    memory.compare(rows(NOW - 30, NOW - 20, NOW - 10), whole=False)
    assert memory.verdict("subject", BOB, NOW - 30) is None
    assert memory.verdict("subject", BOB, NOW - 29) is False
    assert [memory.verdict("subject", f"auth0|{number}", NOW - 25) for number in (1, 2)] == [True, True]


def test_what_ends_nothing_any_more_makes_room() -> None:
    clock = TurnedClock()
    memory = RevocationList(clock, capacity=2)
    memory.compare(rows(NOW - 20, NOW - 10), whole=True)
    clock.turn(KEPT_S)
    memory.add("subject", ALICE, NOW + KEPT_S)
    assert len(memory) == 1
    memory.compare([], whole=True)
    assert memory.verdict("subject", BOB, LONG_AGO) is False
