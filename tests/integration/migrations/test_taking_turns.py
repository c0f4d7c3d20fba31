"""Ours and the real Supabase CLI take turns on one database, and each finds what the other did as its own."""

import json
from pathlib import Path

import pytest

from clarivum.database.migrations.push import push, status
from clarivum.database.provision import provision
from clarivum.database.schema.supabase_cli import Address, SupabaseCli
from clarivum.errors import DependencyDownError, RefusedError
from clarivum.testing.postgres import DatabaseUrls, ServersForTests

from .conftest import Project, rows

BOTH_VERSIONS = pytest.mark.parametrize("postgres_version", [16, 18])
HISTORY = "select version, name, statements from supabase_migrations.schema_migrations order by version"

FIRST = "-- why\ncreate table a (n int, t text default 'x;y');\ninsert into a values (1);\n"
FUNCTION = (
    "/* two; statements */\ncreate function f() returns trigger language plpgsql as $body$\nbegin\n"
    "  perform 1; -- inside; of it\n  return new;\nend\n$body$;\n\n-- and\ncomment on function f() is 'it''s; one';\n"
)
INDEX = "create index concurrently a_n_idx on a (n);\n"
LAST = "do $$ begin execute 'create table b (n int)'; end $$;\nalter table b add m int"


def theirs(supabase: SupabaseCli, project: Path, url: str, *command: str) -> str:
    address = Address.of(url)
    arguments = [*command, f"--remote={address.url}", "--yes"]
    return supabase.run(arguments, addresses=(address,), workdir=project)


def listed(supabase: SupabaseCli, project: Path, url: str) -> list[tuple[str | None, str | None]]:
    text = theirs(supabase, project, url, "migration", "list", "--output-format", "json")
    return [(row["local"] or None, row["remote"] or None) for row in json.loads(text)["migrations"]]


@BOTH_VERSIONS
def test_they_take_turns(empty_database_urls: DatabaseUrls, project: Project, supabase: SupabaseCli) -> None:
    url = empty_database_urls.admin
    project.add(FIRST)
    assert len(push(url, project.migrations)) == 1
    project.add(FUNCTION)
    theirs(supabase, project.path, url, "db", "push")
    assert status(url, project.migrations).in_step
    project.add(INDEX)
    assert [migration.name for migration in push(url, project.migrations)] == ["m3"]
    project.add(LAST)
    theirs(supabase, project.path, url, "db", "push")
    assert push(url, project.migrations) == []
    versions = [f"{20261101000000 + number}" for number in (1, 2, 3, 4)]
    assert listed(supabase, project.path, url) == [(version, version) for version in versions]


@BOTH_VERSIONS
def test_a_database_that_they_made_goes_on_with_ours(
    empty_database_urls: DatabaseUrls, project: Project, supabase: SupabaseCli
) -> None:
    url = empty_database_urls.admin
    for text in (FIRST, INDEX):
        project.add(text)
    theirs(supabase, project.path, url, "db", "push")
    project.add(FUNCTION)
    assert [migration.name for migration in push(url, project.migrations)] == ["m3"]
    assert listed(supabase, project.path, url)[-1] == ("20261101000003", "20261101000003")


@BOTH_VERSIONS
def test_both_record_our_own_migrations_alike(
    postgres_servers: ServersForTests,
    postgres_version: int,
    database_urls: DatabaseUrls,
    our_project: Project,
    supabase: SupabaseCli,
) -> None:
    """To the letter: version, name, and the text of every statement."""
    with postgres_servers.database(postgres_version, migrated=False) as other:
        provision(other.admin)
        theirs(supabase, our_project.path, other.admin, "db", "push")
        assert rows(other.admin, HISTORY) == rows(database_urls.admin, HISTORY)
        assert status(other.admin, our_project.migrations).in_step
        assert push(other.admin, our_project.migrations) == []


def test_an_out_of_order_file_is_refused_by_both(
    empty_database_urls: DatabaseUrls, project: Project, supabase: SupabaseCli
) -> None:
    url = empty_database_urls.admin
    project.add("create table a (n int)")
    push(url, project.migrations)
    (project.migrations / "20261030000000_late.sql").write_text("create table late (n int)")
    with pytest.raises(DependencyDownError, match="before the last migration"):
        theirs(supabase, project.path, url, "db", "push")
    with pytest.raises(RefusedError, match="older than the newest"):
        push(url, project.migrations)
    assert rows(url, "select to_regclass('late')::text") == [(None,)]
