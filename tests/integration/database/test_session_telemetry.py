"""What a statement leaves behind in spans and metrics: its name and outcome, never a value."""

import pytest

from clarivum.database import Database, DatabaseError
from clarivum.telemetry import render_prometheus
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.telemetry import recorded_spans
from tests.integration.database.conftest import Admin
from tests.integration.database.session_queries import QUERIES, member

ALICE = member("auth0|alice")


async def test_every_statement_is_a_client_span_by_its_declared_name(
    admin: Admin, database: Database, database_urls: DatabaseUrls
) -> None:
    session = database.session(ALICE)
    with recorded_spans() as spans:
        await session.many(QUERIES.notes)
        await session.execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="topsecret")
        async with session.transaction() as tx:
            await tx.maybe(QUERIES.note_or_none, body="topsecret")
            tx.defer(QUERIES.raise_counter, name="topsecret")
        with pytest.raises(DatabaseError):
            await session.one(QUERIES.divide, divisor=0)
    assert [span.shape.name for span in spans] == [
        "notes", "add_note_quietly", "note_or_none", "raise_counter", "COMMIT", "divide",
    ]  # fmt: skip
    attributes = dict(spans[0].shape.attributes)
    assert attributes["db.system.name"] == "postgresql"
    assert attributes["db.namespace"] == database_urls.name
    assert attributes["db.operation.name"] == "SELECT"
    assert attributes["db.collection.name"] == "public.notes"
    assert attributes["db.query.summary"] == "notes"
    assert dict(spans[-1].shape.attributes)["error.type"] == "22012"
    assert [span.shape.failed for span in spans] == [False] * 5 + [True]
    assert "topsecret" not in repr(spans)


async def test_connection_levels_are_metrics(admin: Admin, database: Database) -> None:
    await database.session(ALICE).execute(QUERIES.add_note_quietly, tenant="auth0|alice", body="one")
    lines = render_prometheus().decode().splitlines()
    pools = [line for line in lines if line.startswith("db_client_connection_count")]
    assert any('pool_name="pipelines"' in line and line.endswith(" 2") for line in pools)
    assert any('state="idle"' in line and line.endswith(" 1") for line in pools)
    assert any(line.startswith("db_client_connection_max") and line.endswith(" 4") for line in lines)


async def test_a_read_that_had_to_go_a_second_way_is_counted(admin: Admin, database: Database) -> None:
    session = database.session(ALICE)
    await session.one(QUERIES.number, number=1)
    await session.one(QUERIES.drop_prepared)
    for number in range(2):
        assert await session.one(QUERIES.number, number=number) == {"number": number}
    lines = render_prometheus().decode().splitlines()
    assert any("reads_rerouted" in line and 'reason="stale_plan"' in line for line in lines)
