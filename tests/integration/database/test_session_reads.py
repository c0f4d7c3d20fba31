"""Reads on the shared connections: what is in force, what comes back, what an error leaves behind."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import pytest

from clarivum.database import ANONYMOUS, Context, Database, DatabaseError, Json, parse_queries
from clarivum.errors import (
    CONFLICT,
    FORBIDDEN,
    INTERNAL,
    NOT_FOUND,
    UNAUTHENTICATED,
    VALIDATION_FAILED,
    RequestError,
)
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.database.session_queries import QUERIES, Note, member
from tests.integration.database.session_wire_tap import WireTap


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_role_claims_timeout_and_read_only_are_in_force(database: Database) -> None:
    context = member("auth0|alice", timeout_ms=400)
    row = await database.session(context).one(QUERIES.in_force)
    assert row["role"] == "authenticated"
    assert row["login"] == "clarivum_api"
    assert row["claims"] == context.claims
    assert row["statement_timeout"] == "400ms"
    assert row["read_only"] == "on"


async def test_nothing_of_a_caller_is_left_for_the_next_one(database: Database) -> None:
    alice, anonymous = database.session(member("auth0|alice")), database.session(ANONYMOUS)
    for _ in range(4):
        assert (await alice.one(QUERIES.in_force))["claims"] != ""
        row = await anonymous.one(QUERIES.in_force)
        assert (row["role"], row["claims"]) == ("anon", "")


async def test_a_read_is_one_round_trip_also_when_it_is_prepared_on_the_way(
    admin: object, database_urls: DatabaseUrls
) -> None:
    tcp_url = database_urls.server.app_url(database_urls.name, tcp=True)
    async with WireTap(tcp_url) as tap, Database(tap.url, pipelines=1) as database:
        session = database.session(member("auth0|alice"))
        for number in range(3):
            before = tap.turns
            assert await session.one(QUERIES.number, number=number) == {"number": number}
            assert tap.turns - before == 1


async def test_many_requests_in_one_turn_of_the_loop_share_round_trips(
    admin: object, database_urls: DatabaseUrls
) -> None:
    tcp_url = database_urls.server.app_url(database_urls.name, tcp=True)
    async with WireTap(tcp_url) as tap, Database(tap.url, pipelines=1) as database:
        session = database.session(member("auth0|alice"))
        await session.one(QUERIES.number, number=0)
        before = tap.turns
        rows = await asyncio.gather(*(session.one(QUERIES.number, number=number) for number in range(12)))
        assert rows == [{"number": number} for number in range(12)]
        assert tap.turns - before < 6


async def test_an_error_does_not_touch_the_neighbours(database: Database) -> None:
    session = database.session(member("auth0|alice"))
    divisors = [number % 3 for number in range(60)]
    outcomes = await asyncio.gather(
        *(session.one(QUERIES.divide, divisor=divisor) for divisor in divisors), return_exceptions=True
    )
    for divisor, outcome in zip(divisors, outcomes, strict=True):
        if divisor == 0:
            assert isinstance(outcome, DatabaseError)
            assert outcome.sqlstate == "22012"
        else:
            assert outcome == {"quotient": 100 // divisor}


async def test_rows_are_instances_of_the_declared_class(database: Database) -> None:
    session = database.session(member("auth0|alice"))
    await session.one(QUERIES.add_note, tenant="auth0|alice", body="first")
    assert await session.many(QUERIES.notes) == [Note(tenant="auth0|alice", body="first")]


async def test_one_maybe_and_many_keep_their_word(database: Database) -> None:
    session = database.session(member("auth0|alice"))
    assert await session.many(QUERIES.notes) == []
    assert await session.maybe(QUERIES.note_or_none, body="x") is None
    with pytest.raises(RequestError) as absent:
        await session.one(QUERIES.note, body="x")
    assert absent.value.code is NOT_FOUND
    for body in ("x", "y"):
        assert await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body=body) == 1
    assert (await session.one(QUERIES.note, body="x")).body == "x"
    with pytest.raises(RequestError) as several:
        await session.one(QUERIES.any_note)
    assert several.value.code is INTERNAL
    with pytest.raises(TypeError, match="declared `many`, called as `one`"):
        await session.one(QUERIES.notes)


async def test_a_foreign_row_is_like_an_absent_one(database: Database) -> None:
    await database.session(member("auth0|alice")).one(QUERIES.add_note, tenant="auth0|alice", body="private")
    with pytest.raises(RequestError) as foreign:
        await database.session(member("auth0|bob")).one(QUERIES.note, body="private")
    assert foreign.value.code is NOT_FOUND


async def test_rows_that_do_not_fit_are_our_fault_and_named_without_values(database: Database) -> None:
    session = database.session(member("auth0|alice"))
    await session.one(QUERIES.add_note, tenant="auth0|alice", body="secret-body")
    with pytest.raises(RequestError) as misfit:
        await session.many(QUERIES.misfits)
    assert misfit.value.code is INTERNAL
    assert misfit.value.log is not None
    assert "misfits" in misfit.value.log
    assert "tenant (int_type)" in misfit.value.log
    assert "alice" not in misfit.value.log


async def test_a_read_cannot_write_not_even_through_a_function(database: Database) -> None:
    session = database.session(member("auth0|alice"))
    with pytest.raises(DatabaseError) as refused:
        await session.one(QUERIES.sneaky, tenant="auth0|alice")
    assert refused.value.sqlstate == "25006"
    assert refused.value.code is INTERNAL
    assert refused.value.log is not None
    assert "writes" in refused.value.log
    assert await session.many(QUERIES.notes) == []


async def test_refusals_name_constraints_and_never_values(database: Database) -> None:
    session = database.session(member("auth0|alice"))
    await session.one(QUERIES.add_note, tenant="auth0|alice", body="topsecret")
    with pytest.raises(DatabaseError) as duplicate:
        await session.one(QUERIES.add_note, tenant="auth0|alice", body="topsecret")
    assert duplicate.value.code is CONFLICT
    assert duplicate.value.log is not None
    assert "notes_body_key" in duplicate.value.log
    assert "topsecret" not in duplicate.value.log + duplicate.value.detail
    with pytest.raises(DatabaseError) as foreign:
        await session.one(QUERIES.add_note, tenant="auth0|bob", body="other")
    assert foreign.value.code is FORBIDDEN
    with pytest.raises(DatabaseError) as unknown:
        await database.session(ANONYMOUS).many(QUERIES.notes)
    assert unknown.value.code is UNAUTHENTICATED
    with pytest.raises(DatabaseError) as invalid:
        await session.one(QUERIES.divide, divisor="topsecret")
    assert invalid.value.code is VALIDATION_FAILED
    assert invalid.value.log is not None
    assert "topsecret" not in invalid.value.log + invalid.value.detail


class Colour(StrEnum):
    RED = "red"


ECHO = parse_queries(
    "\n".join(
        f"-- name: echo_{name} -> one\nselect %(value)s::{cast} as value"
        for name, cast in {
            "uuid": "uuid",
            "text": "text",
            "bigint": "bigint",
            "numeric": "numeric",
            "float8": "float8",
            "boolean": "boolean",
            "timestamptz": "timestamptz",
            "date": "date",
            "interval": "interval",
            "bytea": "bytea",
            "jsonb": "jsonb",
            "texts": "text[]",
            "uuids": "uuid[]",
            "numbers": "int[][]",
        }.items()
    ),
    __file__,
)
MOMENT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
ID = UUID("8890ab43-42e4-400d-8fb9-81d2f62f5cac")


VALUES: list[tuple[str, object, object]] = [
    ("uuid", ID, ID),
    ("text", 'it\'s \\ "quoted" %s ☃ 🜚', 'it\'s \\ "quoted" %s ☃ 🜚'),
    ("text", "", ""),
    ("text", None, None),
    ("text", Colour.RED, "red"),
    ("bigint", -(2**63), -(2**63)),
    ("numeric", Decimal("12345678901234567890.0001"), Decimal("12345678901234567890.0001")),
    ("float8", 0.1 + 0.2, 0.1 + 0.2),
    ("boolean", True, True),
    ("boolean", False, False),
    ("timestamptz", MOMENT, MOMENT),
    ("date", date(2024, 2, 29), date(2024, 2, 29)),
    ("interval", timedelta(days=-1, seconds=3, microseconds=5), timedelta(days=-1, seconds=3, microseconds=5)),
    ("bytea", b"\x00\xff'\\", b"\x00\xff'\\"),
    ("jsonb", {"a": [1, None, "ü", {"b": True}]}, {"a": [1, None, "ü", {"b": True}]}),
    ("jsonb", [{"a": 1}], [{"a": 1}]),
    ("jsonb", [], []),
    ("jsonb", (), []),
    ("jsonb", [None, {"a": 1}], [None, {"a": 1}]),
    ("jsonb", [1, "two", [3.5]], [1, "two", [3.5]]),
    ("jsonb", '{"b": []}', {"b": []}),
    ("jsonb", Json([1, "two", None]), [1, "two", None]),
    ("jsonb", Json("text"), "text"),
    ("texts", ["a,b", 'q"uo\\te', "", "NULL", None, "{}"], ["a,b", 'q"uo\\te', "", "NULL", None, "{}"]),
    ("texts", [], []),
    ("numbers", [[]], []),
    ("uuids", [ID], [ID]),
    ("numbers", [[1, 2], [3, None]], [[1, 2], [3, None]]),
]


UNCAST = parse_queries("-- name: elements -> one\nselect jsonb_array_length(%(value)s) as number", __file__)


async def test_a_list_that_no_cast_calls_json_is_never_stored_as_an_object(database: Database) -> None:
    session = database.session(ANONYMOUS)
    for value in ([], set(), [1]):
        with pytest.raises(DatabaseError) as refused:
            await session.one(UNCAST.elements, value=value)
        assert refused.value.sqlstate == "22P02"
    assert (await session.one(UNCAST.elements, value=Json([])))["number"] == 0


async def test_values_survive_the_way_there_and_back(database: Database) -> None:
    session = database.session(ANONYMOUS)
    for kind, value, expected in VALUES:
        row = await session.one(getattr(ECHO, f"echo_{kind}"), value=value)
        assert row["value"] == expected, kind
        assert type(row["value"]) is type(expected), kind


@pytest.mark.parametrize("text", ["nul\0", "lone \ud800 surrogate"])
async def test_text_that_postgres_cannot_store_is_refused_before_it_is_sent(database: Database, text: str) -> None:
    session = database.session(ANONYMOUS)
    for query, value in ((ECHO.echo_text, text), (ECHO.echo_jsonb, {"key": text}), (ECHO.echo_texts, [text])):
        with pytest.raises(RequestError) as refused:
            await session.one(query, value=value)
        assert refused.value.code is VALIDATION_FAILED


async def test_a_context_without_a_timeout_still_has_the_short_one(database: Database) -> None:
    row = await database.session(Context("anon", "", 0)).one(QUERIES.in_force)
    assert row["statement_timeout"] == "500ms"
