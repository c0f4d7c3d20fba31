"""No column that tells who somebody is escapes the export and the erasure."""

from pathlib import Path

import psycopg
import pytest

from bff.privacy.coverage import COVERAGE, uncovered
from clarivum.testing.postgres import DatabaseUrls

QUERIES = Path(__file__).parents[3] / "bff" / "privacy" / "queries.sql"
COLUMNS = """
select format('%s.%s.%s', table_schema, table_name, column_name)
from information_schema.columns join information_schema.tables using (table_schema, table_name)
where table_type = 'BASE TABLE' and table_schema in ('public', 'clarivum')
    and data_type in ('text', 'character varying', 'ARRAY', 'jsonb', 'inet')
"""
BOOKKEEPING = {
    "clarivum.server_keys.name", "clarivum.job_answers.name",
}  # fmt: skip
"""Names of things, not of people."""


def columns(urls: DatabaseUrls) -> set[str]:
    with psycopg.connect(urls.admin) as connection:
        found = {str(row[0]) for row in connection.execute(COLUMNS)}
    assert found >= BOOKKEEPING
    return found - BOOKKEEPING


def test_every_personal_column_is_covered_and_every_covered_column_exists(database_urls: DatabaseUrls) -> None:
    found = columns(database_urls)
    assert uncovered(found) == []
    assert {covered.column for covered in COVERAGE} <= found


def test_a_new_personal_column_is_found(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute("create table public.notes (id uuid, author_email text, ip text, body text)")
        connection.execute("alter table public.purchases add column billing_name text")
    assert uncovered(columns(database_urls)) == [
        "public.notes.author_email", "public.notes.ip", "public.purchases.billing_name",
    ]  # fmt: skip


@pytest.mark.parametrize("covered", COVERAGE, ids=lambda covered: covered.column)
def test_what_is_kept_has_a_reason_and_what_is_exported_a_query(covered: object) -> None:
    from bff.privacy.coverage import Covered

    assert isinstance(covered, Covered)
    assert (covered.erasure == "kept") == bool(covered.reason)
    if covered.exported:
        assert f"from {covered.column.rpartition('.')[0]}" in QUERIES.read_text()
