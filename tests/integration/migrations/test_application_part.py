"""What of a database is the application's: emptied by a reset, declared below supabase/schemas."""

import psycopg
import pytest

from clarivum.database.foreign_schemas import FOREIGN_SCHEMAS
from clarivum.database.migrations.push import push
from clarivum.database.provision import provision
from clarivum.database.schema import application
from clarivum.database.schema.declared import apply_schema, read_schema
from clarivum.database.schema.difference import difference
from clarivum.database.schema.supabase_cli import SupabaseCli
from clarivum.errors import RefusedError
from clarivum.testing.postgres import DatabaseUrls

from .conftest import Project, execute, rows

BEYOND_SCHEMAS = """
create extension vector with schema extensions;
create table public.leads (n int, meaning extensions.vector(2));
create publication leads_out for table public.leads;
"""
ON_STORAGE = "create policy leads_files on storage.objects for select using (true);"
LEFT = """
select pubname::text from pg_publication union all select extname::text from pg_extension where extname <> 'plpgsql'
union all select polname::text from pg_policy where polrelid = 'storage.objects'::regclass order by 1
"""


@pytest.fixture
def url(empty_database_urls: DatabaseUrls) -> str:
    provision(empty_database_urls.admin)
    execute(
        empty_database_urls.admin,
        "create schema storage",
        "create table storage.objects (n int)",
        "create publication supabase_realtime",
    )
    return empty_database_urls.admin


def test_a_reset_leaves_nothing_that_the_migrations_would_meet_again(url: str, project: Project) -> None:
    project.add(BEYOND_SCHEMAS + ON_STORAGE)
    for _ in range(2):
        assert len(push(url, project.migrations)) == 1
        assert rows(url, LEFT) == [("leads_files",), ("leads_out",), ("supabase_realtime",), ("vector",)]
        application.reset_database(url)
        assert rows(url, LEFT) == [("supabase_realtime",)]


@pytest.mark.parametrize(("of_supabase", "left"), [(("vector",), [("vector",)]), ((), [])])
def test_the_extensions_of_a_supabase_project_are_not_the_applications(
    url: str, monkeypatch: pytest.MonkeyPatch, of_supabase: tuple[str, ...], left: list[tuple[str]]
) -> None:
    monkeypatch.setattr(application, "SUPABASE_EXTENSIONS", of_supabase)
    held = b"select extname::text from pg_extension where extname <> 'plpgsql' order by 1"
    with psycopg.connect(url) as connection:
        connection.execute("create extension vector with schema extensions")
        connection.execute("create role supabase_admin")
        application.empty(connection, keep_platform=False)
        assert connection.execute(held).fetchall() == left
        connection.rollback()  # the role is the whole server's


def test_what_the_login_may_not_drop_is_another_ones(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create extension vector with schema extensions")
        connection.execute("create publication theirs")
        connection.execute("create role local_owner")
        connection.execute(f"alter database {connection.info.dbname} owner to local_owner".encode())
        connection.execute("set local role local_owner")
        connection.execute("create publication ours")
        connection.execute("create schema app")
        application.empty(connection, keep_platform=True)
        connection.execute("reset role")
        left = connection.execute(LEFT.encode()).fetchall()
        assert left == [("supabase_realtime",), ("theirs",), ("vector",)]
        assert connection.execute("select to_regnamespace('app') is null").fetchone() == (True,)
        connection.rollback()  # the role is the whole server's


@pytest.mark.parametrize("schema", sorted({*FOREIGN_SCHEMAS} - {"information_schema", "pg_catalog"}))
def test_no_schema_of_others_is_dropped(url: str, schema: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create schema if not exists {schema}".encode())
        application.empty(connection, keep_platform=True)
    assert rows(url, f"select to_regnamespace('{schema}') is not null") == [(True,)]


def test_a_declared_schema_may_hold_what_the_migrations_made_beyond_schemas(url: str, project: Project) -> None:
    project.add(BEYOND_SCHEMAS + ON_STORAGE)
    push(url, project.migrations)
    schemas = project.supabase / "schemas"
    schemas.mkdir()
    (schemas / "10.sql").write_text(BEYOND_SCHEMAS + ON_STORAGE)
    with psycopg.connect(url, autocommit=True) as connection:
        apply_schema(connection, read_schema(project.supabase))
    assert rows(url, LEFT) == [("leads_files",), ("leads_out",), ("supabase_realtime",), ("vector",)]


def test_files_are_read_folder_by_folder_in_the_order_of_the_supabase_cli(project: Project) -> None:
    schemas = project.supabase / "schemas"
    for name in ("b.sql", "a/z.sql", "a/b/c.sql", "a.sql", "a-1.sql", "a/b.sql", "notes.md", "c.sql/inner.sql"):
        path = schemas / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("select 1;")
    found = [str(file.path.relative_to(schemas)) for file in read_schema(project.supabase)]
    assert found == ["a/b/c.sql", "a/b.sql", "a/z.sql", "a-1.sql", "a.sql", "b.sql", "c.sql/inner.sql"]


def test_a_folder_without_sql_declares_nothing(project: Project) -> None:
    (project.supabase / "schemas" / "billing").mkdir(parents=True)
    with pytest.raises(RefusedError, match=r"no \*\.sql file declares a schema"):
        read_schema(project.supabase)


def test_a_file_in_a_folder_below_and_a_publication_are_part_of_the_difference(
    project: Project, supabase: SupabaseCli
) -> None:
    def unheard(step: str) -> None:
        """Progress that this test does not look at."""

    project.add("create table public.leads (n int);\ncreate publication leads_out for table public.leads;")
    schemas = project.supabase / "schemas"
    (schemas / "billing").mkdir(parents=True)
    (schemas / "10.sql").write_text(next(project.migrations.iterdir()).read_text())
    assert difference(project.supabase, supabase, unheard) == ""
    (schemas / "billing" / "20.sql").write_text("create table public.invoices (n int);")
    found = difference(project.supabase, supabase, unheard)
    assert 'CREATE TABLE "public"."invoices"' in found
    assert "DROP" not in found
