"""What a push does to a database, and what it says."""

from pathlib import Path

import psycopg
import pytest

from clarivum.database.migrations.push import Progress, Step, push, seed, status
from clarivum.errors import (
    MIGRATION_FAILED,
    MIGRATION_REFUSED,
    DependencyDownError,
    RefusedError,
)
from clarivum.testing.postgres import DatabaseUrls

BOTH_VERSIONS = pytest.mark.parametrize("postgres_version", [16, 18])


class Folder:
    """A folder of migrations, numbered as they are added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, text: str, version: int | None = None) -> Path:
        number = version or len(list(self.path.iterdir())) + 1
        path = self.path / f"{20261101000000 + number}_m{number}.sql"
        path.write_text(text)
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def url(empty_database_urls: DatabaseUrls) -> str:
    return empty_database_urls.admin


def query(url: str, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


HISTORY = "select version, name, statements from supabase_migrations.schema_migrations order by version"
TABLES = "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"


@BOTH_VERSIONS
def test_pending_files_are_applied_in_order_and_recorded_as_the_supabase_cli_does(url: str, folder: Folder) -> None:
    folder.add("-- first\ncreate table a (n int);\ninsert into a values (1);\n")
    folder.add("create table b as select n from a;")
    events: list[Progress] = []
    assert [migration.name for migration in push(url, folder.path, on_progress=events.append)] == ["m1", "m2"]
    assert query(url, HISTORY) == [
        ("20261101000001", "m1", ["-- first\ncreate table a (n int)", "insert into a values (1)"]),
        ("20261101000002", "m2", ["create table b as select n from a"]),
    ]
    told = [(event.step, event.migration and event.migration.name, event.number, event.total) for event in events]
    assert told == [
        (Step.APPLYING, "m1", 1, 2),
        (Step.APPLIED, "m1", 1, 2),
        (Step.APPLYING, "m2", 2, 2),
        (Step.APPLIED, "m2", 2, 2),
    ]
    assert push(url, folder.path) == []
    assert status(url, folder.path).in_step


def test_a_dry_run_and_a_status_change_nothing(url: str, folder: Folder) -> None:
    folder.add("create table a (n int)")
    assert [migration.name for migration in push(url, folder.path, dry_run=True)] == ["m1"]
    assert [migration.name for migration in status(url, folder.path).pending] == ["m1"]
    assert query(url, TABLES) == []
    assert query(url, "select to_regclass('supabase_migrations.schema_migrations')::text") == [(None,)]


def test_a_syntax_error_anywhere_applies_nothing(url: str, folder: Folder) -> None:
    folder.add("create table a (n int)")
    broken = folder.add("select 1;\ncreate tabel b (n int);")
    with pytest.raises(RefusedError, match=rf"{broken}:2: syntax error") as refused:
        push(url, folder.path)
    assert refused.value.code is MIGRATION_REFUSED
    assert query(url, TABLES) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("create table c (n int);\ninsert into nowhere values (1);", 2, r'relation "nowhere" does not exist \(42P01\)'),
        (
            "create table c (n int);\n-- why\nselect\n  n,\n  missing\nfrom c;",
            5,
            r'column "missing" does not exist.*\n    missing',
        ),
        (
            "create table c (email text unique);\ninsert into c values ('ada@x'), ('ada@x');",
            2,
            r"duplicate key.*\(23505\)",
        ),
        (
            "create table c (n int);\ndo $$\nbegin\n  raise exception 'no' using hint = 'ask';\nend $$;",
            2,
            r"no \(P0001\)\n    do ..\n    hint: ask",
        ),
        (
            "create table c (n int);\nset local statement_timeout = 50;\nselect pg_sleep(5);",
            3,
            r"canceling statement due to statement timeout \(57014\)",
        ),
    ],
)
def test_a_statement_the_server_refuses_leaves_nothing_of_its_file(
    url: str, folder: Folder, text: str, line: int, message: str
) -> None:
    folder.add("create table a (n int)")
    path = folder.add(text)
    with pytest.raises(RefusedError, match=rf"{path}:{line}: {message}") as failed:
        push(url, folder.path)
    assert failed.value.code is MIGRATION_FAILED
    assert "ada@x)" not in failed.value.detail  # the server's DETAIL carries values
    assert query(url, TABLES) == [("a",)]
    assert [row[1] for row in query(url, HISTORY)] == ["m1"]
    path.write_text("create table c (n int)")
    assert [migration.name for migration in push(url, folder.path)] == ["m2"]


def test_an_edited_file_is_refused_and_nothing_runs(url: str, folder: Folder) -> None:
    first = folder.add("create table a (n int)")
    push(url, folder.path)
    first.write_text("-- a comment is no edit\ncreate table a (n int);\n")
    folder.add("create table b (n int)")
    assert [migration.name for migration in push(url, folder.path)] == ["m2"]
    first.write_text("create table a (n bigint)")
    folder.add("create table c (n int)")
    with pytest.raises(RefusedError, match=rf"{first}: edited after it was applied"):
        push(url, folder.path)
    assert [edited.name for edited in status(url, folder.path).edited] == ["m1"]
    assert query(url, TABLES) == [("a",), ("b",)]


def test_an_out_of_order_file_is_refused(url: str, folder: Folder) -> None:
    folder.add("create table b (n int)", version=5)
    push(url, folder.path)
    late = folder.add("create table a (n int)", version=3)
    with pytest.raises(RefusedError, match=rf"{late}: older than the newest"):
        push(url, folder.path)


def test_what_another_tool_applied_is_history_even_where_we_would_not_have_applied_it(url: str, folder: Folder) -> None:
    folder.add("create table a (n int)")
    push(url, folder.path)
    applied = folder.add("create index concurrently on a (n);\nselect 1;")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into supabase_migrations.schema_migrations (version, name, statements)"
            " values ('20261101000002', 'm2', '{create index concurrently on a (n),select 1}')"
        )
    folder.add("create table b (n int)")
    assert [migration.name for migration in push(url, folder.path)] == ["m3"]
    assert applied.exists()


def test_what_a_file_sets_ends_with_it(url: str, folder: Folder) -> None:
    folder.add("create role push_other; grant create, usage on schema public to push_other; create schema elsewhere")
    folder.add("set search_path = elsewhere; set role push_other; create table public.theirs (n int)")
    folder.add("begin;\ncreate table ours (n int);\ncommit;")
    try:
        push(url, folder.path)
        rows = query(
            url,
            "select relname::text, relnamespace::regnamespace::text, relowner::regrole::text"
            " from pg_class where relname in ('ours', 'theirs') order by 1",
        )
        assert rows == [("ours", "public", "postgres"), ("theirs", "public", "push_other")]
        assert len(query(url, HISTORY)) == 3
    finally:
        query(url, "drop owned by push_other cascade; drop role push_other")


@BOTH_VERSIONS
def test_an_index_is_built_without_a_transaction(url: str, folder: Folder) -> None:
    folder.add("create table a (n int)")
    folder.add("create index concurrently a_n_idx on a (n)")
    folder.add("drop index concurrently a_n_idx")
    folder.add("vacuum a")
    assert len(push(url, folder.path)) == 4
    assert query(url, "select * from supabase_migrations.clarivum_unfinished") == []


def test_an_index_that_cannot_be_built_leaves_no_invalid_one(url: str, folder: Folder) -> None:
    folder.add("create table a (n int);\ninsert into a values (1), (1);")
    index = folder.add("create unique index concurrently a_n_key on a (n)")
    with pytest.raises(RefusedError, match=rf"{index}:1: could not create unique index"):
        push(url, folder.path)
    assert query(url, "select indexrelid::regclass::text from pg_index where indrelid = 'a'::regclass") == []
    assert query(url, "select * from supabase_migrations.clarivum_unfinished") == []
    query(url, "delete from a where ctid in (select min(ctid) from a)")
    assert len(push(url, folder.path)) == 1


def test_an_index_of_somebody_else_with_the_same_name_is_not_taken_for_ours(url: str, folder: Folder) -> None:
    folder.add("create table a (n int, m int);\ncreate index a_idx on a (m);")
    folder.add("create index concurrently a_idx on a (n)")
    for _ in range(2):
        with pytest.raises(RefusedError, match='relation "a_idx" already exists'):
            push(url, folder.path)
    assert query(url, "select indisvalid from pg_index where indexrelid = 'a_idx'::regclass") == [(True,)]


def test_the_seed_runs_again_in_one_transaction(url: str, tmp_path: Path) -> None:
    path = tmp_path / "seed.sql"
    path.write_text(
        "create table if not exists a (n int primary key);\ninsert into a values (1) on conflict do nothing;"
    )
    assert [seed(url, path), seed(url, path)] == [2, 2]
    assert query(url, "select n from a") == [(1,)]
    path.write_text("insert into a values (2);\ninsert into a values (1);")
    with pytest.raises(RefusedError, match=rf"{path}:2: duplicate key"):
        seed(url, path)
    assert query(url, "select n from a") == [(1,)]


def test_a_server_that_is_down_is_said_within_five_seconds(folder: Folder) -> None:
    with pytest.raises(DependencyDownError, match=r"postgres:\*\*\*@127\.0\.0\.1:1"):
        push("postgresql://postgres:secret@127.0.0.1:1/postgres", folder.path)
