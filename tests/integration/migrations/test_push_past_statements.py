"""What goes wrong beside the statements of a file: at COMMIT, in the history, with the login, on the wire."""

from pathlib import Path

import psycopg
import pytest

from clarivum.database.migrations.push import push, seed, status
from clarivum.errors import DATABASE_REFUSED, MIGRATION_FAILED, ConfigurationError, DependencyDownError, RefusedError
from clarivum.testing.postgres import DatabaseUrls

from .conftest import Clarivum, Project, execute, rows
from .cutting_proxy import CuttingProxy

DEFERRED = """
create table a (email text primary key);
create table b (email text references a deferrable initially deferred);
insert into b values ('ada@example.org');
"""
HISTORY = "select version, name, statements from supabase_migrations.schema_migrations order by version"


def test_a_constraint_that_fails_at_commit_names_the_file_and_no_value(
    empty_database_urls: DatabaseUrls, project: Project, clarivum: Clarivum
) -> None:
    url = empty_database_urls.admin
    path = project.add(DEFERRED)
    with pytest.raises(RefusedError, match=rf"{path}: insert or update on table .* \(23503\)") as refused:
        push(url, project.migrations)
    assert refused.value.code is MIGRATION_FAILED
    assert "ada@" not in refused.value.detail
    assert rows(url, "select to_regclass('public.a') is null") == [(True,)]
    assert [each.name for each in status(url, project.migrations).pending] == ["m1"]
    with pytest.raises(RefusedError, match=rf"{path}: insert or update"):
        seed(url, path)
    reset = clarivum("db", "reset", "--yes", "--workdir", str(project.path), DATABASE_URL=url)
    assert reset.returncode == 4
    assert "Traceback" not in reset.stderr
    assert "ada@" not in reset.stderr


@pytest.mark.parametrize("command", ["push", "status", "drift", "reset"])
def test_a_login_that_may_not_read_the_history_is_told_which_setting_to_change(
    database_urls: DatabaseUrls, clarivum: Clarivum, command: str
) -> None:
    confirmed = ("--yes",) if command == "reset" else ()
    refused = clarivum("db", command, *confirmed, DATABASE_URL=database_urls.app)
    assert refused.returncode == 3, refused.stderr
    assert "(42501); set CLARIVUM_MIGRATION_URL" in refused.stderr
    assert "clarivum_api:***@" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_login_that_may_not_make_the_history_is_told_so(empty_database_urls: DatabaseUrls, project: Project) -> None:
    project.add("create table a (n int)")
    with pytest.raises(ConfigurationError, match=r"permission denied .* \(42501\); set CLARIVUM_MIGRATION_URL"):
        push(empty_database_urls.app, project.migrations)


def test_a_history_of_versions_alone_is_read_and_completed(empty_database_urls: DatabaseUrls, project: Project) -> None:
    url = empty_database_urls.admin
    project.add("create table a (n int)")
    project.add("create table b (n int)")
    execute(
        url,
        "create schema supabase_migrations",
        "create table supabase_migrations.schema_migrations (version text not null primary key)",
        "insert into supabase_migrations.schema_migrations values ('20261101000001')",
    )
    found = status(url, project.migrations)
    assert [(row.version, row.name, row.statements) for row in found.applied] == [("20261101000001", "", None)]
    assert [migration.name for migration in push(url, project.migrations, dry_run=True)] == ["m2"]
    assert [migration.name for migration in push(url, project.migrations)] == ["m2"]
    assert rows(url, HISTORY) == [
        ("20261101000001", None, None),
        ("20261101000002", "m2", ["create table b (n int)"]),
    ]
    assert status(url, project.migrations).in_step


def test_a_table_that_is_no_history_is_refused_with_the_servers_words(
    empty_database_urls: DatabaseUrls, project: Project
) -> None:
    url = empty_database_urls.admin
    execute(url, "create schema supabase_migrations", "create table supabase_migrations.schema_migrations (n int)")
    with pytest.raises(RefusedError, match=r'column "version" does not exist \(42703\)') as refused:
        status(url, project.migrations)
    assert refused.value.code is DATABASE_REFUSED


def test_a_history_in_use_is_a_lock_that_was_not_granted(empty_database_urls: DatabaseUrls, project: Project) -> None:
    url = empty_database_urls.admin
    project.add("create table a (n int)")
    execute(
        url,
        "create schema supabase_migrations",
        "create table supabase_migrations.schema_migrations (version text not null primary key)",
    )
    with psycopg.connect(url) as blocker:
        blocker.execute("select * from supabase_migrations.schema_migrations")
        with pytest.raises(DependencyDownError, match="a lock was not granted in time"):
            push(url, project.migrations)


def test_a_connection_lost_at_any_statement_is_a_dependency_that_is_down(
    empty_database_urls: DatabaseUrls, project: Project, tmp_path: Path
) -> None:
    url = empty_database_urls.admin
    project.add("create table a (n int)")
    project.add("create index concurrently a_n_idx on a (n)")
    lost = 0
    while True:
        folder = tmp_path / f"{lost}"
        folder.mkdir()
        proxy = CuttingProxy(folder, url, lost + 1, cut=lambda: None)
        try:
            push(proxy.url, project.migrations)
            break
        except DependencyDownError:
            lost += 1
        finally:
            proxy.close()
    assert lost >= 10
    assert status(url, project.migrations).in_step
