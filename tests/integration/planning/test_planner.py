"""Queries planned at production size on an empty database, on 16 and on 18."""

import psycopg
import pytest

from clarivum.database.planning import Cause, Planner, Verdict
from clarivum.testing.postgres import DatabaseUrls

MEMBER, STAFF = "authenticated", "clarivum_staff"


def examine(planner: Planner, sql: str, *parameters: str, role: str = MEMBER) -> Verdict:
    return planner.examine(sql, parameters, [role])


def causes(verdict: Verdict) -> list[Cause]:
    assert verdict.worst is not None
    return [weakness.cause for weakness in verdict.worst.weaknesses]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from public.events where id = $1",
        "select * from public.events order by created_at desc limit $1",
        "select * from public.events where created_at < $1 order by created_at desc limit 50",
        "select count(*) from public.events",
        "update public.events set kind = 'b' where id = $1",
        "select e.id, n.body from public.events e join public.event_notes n on n.event_id = e.id where e.id = $1",
    ],
)
def test_a_query_that_an_index_carries_has_nothing_to_say(planner: Planner, sql: str) -> None:
    verdict = examine(planner, sql, "first")
    assert causes(verdict) == []
    assert verdict.indexes == ()


def test_a_filter_beside_an_indexed_policy_column_is_found_though_there_is_no_seq_scan(planner: Planner) -> None:
    verdict = examine(planner, "select id from public.letters where topic = $1", "topic")
    assert verdict.worst is not None
    assert [node.kind for node in verdict.worst.plan.walk() if node.is_scan] == ["Bitmap Heap Scan"]
    assert causes(verdict) == [Cause.FILTER]
    assert [index.keys for index in verdict.indexes] == [("subject", "topic")]


def test_a_filter_on_the_few_rows_that_a_comment_declares_is_fine(planner: Planner) -> None:
    """A hundred events a member are declared: to look at all of them is nothing."""
    verdict = examine(planner, "select * from public.events where source = $1", "source")
    assert causes(verdict) == []


def test_the_proposed_index_makes_the_query_pass(planner: Planner) -> None:
    sql = "select * from public.events where source = $1 and kind <> 'd' order by created_at desc limit 20"
    verdict = examine(planner, sql, "source", role=STAFF)
    assert causes(verdict) == [Cause.FILTER]
    (index,) = verdict.indexes
    assert index.ddl() == (
        "create index concurrently events_source_created_at_idx on public.events (source, created_at desc)"
        " where deleted_at IS NULL;"
    )
    assert verdict.mended is not None
    assert verdict.mended.weaknesses == ()
    assert verdict.mended.reading.read < 40


def test_a_sort_for_a_few_rows_is_found_and_saved(planner: Planner) -> None:
    sql = "select * from public.events where kind = $1 and source > 'x' order by email limit 10"
    verdict = examine(planner, sql, "kind", role="postgres")
    assert causes(verdict) == [Cause.SORT]
    assert [index.keys for index in verdict.indexes] == [("kind", "email")]


def test_a_whole_table_is_found_at_its_assumed_size(planner: Planner) -> None:
    verdict = examine(planner, "select count(*) from public.huge")
    assert causes(verdict) == [Cause.FULL_SCAN]
    assert verdict.worst is not None
    assert verdict.worst.reading.read == 10_000_000
    assert verdict.indexes == ()


def test_optional_filters_are_each_planned_and_the_worst_is_reported(planner: Planner) -> None:
    sql = (
        "select * from public.events where ($1::text is null or kind = $1) and ($2::text is null or email = $2)"
        " order by created_at desc limit $3"
    )
    verdict = examine(planner, sql, "kind", "email", "limit", role=STAFF)
    assert verdict.worst is not None
    assert verdict.worst.variant.assumes == "email given"
    assert [index.keys[0] for index in verdict.indexes] == ["email"]


def test_the_worst_role_counts_and_those_that_may_not_are_named(planner: Planner) -> None:
    sql = "select count(*) from public.events where kind <> 'a'"
    verdict = planner.examine(sql, (), ["anon", MEMBER, STAFF])
    assert verdict.worst is not None
    assert verdict.worst.role == STAFF
    assert set(verdict.roles) == {MEMBER, STAFF}
    assert verdict.refused == {"anon": "permission denied for table events"}


def test_a_function_that_leaks_keeps_an_index_from_helping_under_a_policy(planner: Planner) -> None:
    verdict = examine(planner, "select * from public.events where lower(email) = $1", "email", role=STAFF)
    assert verdict.worst is not None
    assert verdict.worst.weaknesses
    assert verdict.indexes == ()
    assert verdict.tried > 0


def test_an_index_that_the_condition_does_not_bound_is_walked_past_most_of_its_entries_before_18(
    planner: Planner,
) -> None:
    """Without any filter. 18 enters the index once for each of the 300 tenants."""
    sql = "select opened_at from public.parcels where tenant > $1 and code = $2"
    verdict = examine(planner, sql, "tenant", "code", role="postgres")
    assert verdict.worst is not None
    (scan,) = [node for node in verdict.worst.plan.walk() if node.is_scan]
    assert (scan.index, scan.filter) == ("parcels_tenant_code_idx", "")
    if planner.server_version >= 180_000:
        assert verdict.worst.reading.read < 1_000
        assert causes(verdict) == []
    else:
        assert verdict.worst.reading.read > 3_000_000
        assert causes(verdict) == [Cause.FILTER]
        assert [index.keys for index in verdict.indexes] == [("code", "tenant")]


@pytest.mark.parametrize(
    "condition", ["tenant = $1 and code = $2", "tenant = $1", "opened_at is null and tenant = $1 and code = $2"]
)
def test_an_index_entered_by_its_first_keys_is_not_weak(planner: Planner, condition: str) -> None:
    verdict = examine(
        planner, f"select id from public.parcels where {condition} limit 20", "tenant", "code", role="postgres"
    )
    assert causes(verdict) == []


def test_a_column_that_an_index_wants_null_is_null_in_most_rows_also_under_a_quoted_name(planner: Planner) -> None:
    verdict = examine(planner, 'select id from public.parcels where "closedAt" is null', role="postgres")
    assert verdict.worst is not None
    assert verdict.worst.reading.returned == 9_500_000


def test_a_window_over_all_rows_reads_them_all_whatever_the_limit(planner: Planner) -> None:
    counted = "select id, count(*) over () from public.huge order by id limit 50"
    verdict = examine(planner, counted, role="postgres")
    assert verdict.worst is not None
    assert verdict.worst.reading.read == 10_000_000
    assert causes(verdict) == [Cause.FULL_SCAN]
    numbered = "select id, row_number() over (order by id) from public.huge order by id limit 50"
    assert causes(examine(planner, numbered, role="postgres")) == []


def test_partitions_share_the_rows_of_their_table_unless_they_declare_their_own(planner: Planner) -> None:
    rows = {table.name: table.rows for table in planner.catalog.tables if table.name.startswith("readings")}
    assert rows == {
        "readings": 6_000_000,
        "readings_2026_01": 2_000_000,
        "readings 2026-02": 2_000_000,
        "readings_rest": 2_000_000,
        "readings_rest_0": 1_000_000,
        "readings_rest_1": 30_000,
    }


def test_one_index_on_a_partitioned_table_carries_all_its_partitions(planner: Planner) -> None:
    sql = "select id from public.readings r where sensor = $1 order by taken_at desc limit 50"
    verdict = examine(planner, sql, "sensor", role="postgres")
    assert causes(verdict) == [Cause.FULL_SCAN] * 4
    (index,) = verdict.indexes
    assert index.ddl() == "create index readings_sensor_taken_at_idx on public.readings (sensor, taken_at desc);"
    assert verdict.mended is not None
    scans = [node for node in verdict.mended.plan.walk() if node.is_scan]
    assert {node.kind for node in scans} == {"Index Scan"}
    assert sum(node.rows for node in scans) < 150, "the declared 50,000 sensors hold for the partitions, too"
    assert examine(planner, sql, "sensor", role="postgres") == verdict, "trying leaves nothing behind"


def test_trying_an_index_leaves_nothing_behind(planner: Planner) -> None:
    sql = "select * from public.huge where topic = $1"
    first, second = examine(planner, sql, "topic"), examine(planner, sql, "topic")
    assert first.worst is not None
    assert second.worst is not None
    assert first.worst.reading == second.worst.reading
    assert first.indexes == second.indexes != ()


@pytest.mark.parametrize("postgres_version", [16, 18])
def test_zero_pages_are_pages_also_with_data_checksums(
    empty_database_urls: DatabaseUrls, postgres_version: int
) -> None:
    """If somebody read an inflated table after all, they would find it empty, and the server healthy."""
    with psycopg.connect(empty_database_urls.admin, autocommit=True) as connection:
        connection.execute("create table public.inflated (id bigint primary key, body text)")
        connection.execute("comment on table public.inflated is 'rows: 300_000'")
    with Planner(empty_database_urls.admin):
        pass
    with psycopg.connect(empty_database_urls.admin, autocommit=True) as connection:
        pages = connection.execute("select pg_relation_size('public.inflated') / 8192").fetchone()
        assert pages is not None
        assert pages[0] > 1_000
        assert connection.execute("select count(*) from public.inflated").fetchone() == (0,)
        assert connection.execute("select * from public.inflated where id = 1").fetchone() is None
        failures = "select coalesce(checksum_failures, 0) from pg_stat_database where datname = current_database()"
        assert connection.execute(failures).fetchone() == (0,)
        if postgres_version == 18:
            assert connection.execute("show data_checksums").fetchone() == ("on",)
