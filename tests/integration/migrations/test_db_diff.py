"""`db diff` and `db drift` with the Supabase CLI's real engine, on scratch databases."""

import json
import os
from pathlib import Path

import pytest

from clarivum.database.migrations.push import push
from clarivum.database.schema.difference import difference, drift
from clarivum.database.schema.supabase_cli import SupabaseCli
from clarivum.errors import RefusedError
from clarivum.testing.postgres import DatabaseUrls

from .conftest import Clarivum, Project, execute, rows

EDIT = """
alter table public.leads add column phone text check (char_length(phone) between 5 and 20);
create index leads_phone_idx on public.leads (phone) where deleted_at is null;
create policy leads_ops_read on public.leads for select to clarivum_staff
    using ((select clarivum.has_role('ops')) and deleted_at is null);
grant select on public.leads to authenticated;
create function public.lead_domain(email text) returns text
    language sql immutable strict security invoker set search_path = '' as $$ select split_part(email, '@', 2) $$;
comment on function public.lead_domain(text) is 'The part after the at sign; the only one.';
"""
EXPECTED = (
    'ADD COLUMN "phone" text',
    "leads_phone_check",
    "CREATE INDEX leads_phone_idx",
    'CREATE POLICY "leads_ops_read"',
    'GRANT SELECT ON TABLE "public"."leads" TO "authenticated"',
    "CREATE OR REPLACE FUNCTION public.lead_domain",
    "COMMENT ON FUNCTION",
)


def unheard(step: str) -> None:
    """Progress that a test does not look at."""


@pytest.mark.parametrize("version", [16, 18])
def test_our_declared_schema_is_what_our_migrations_make(
    our_project: Project, supabase: SupabaseCli, version: int
) -> None:
    assert difference(our_project.supabase, supabase, unheard, version=version) == ""


def test_an_edit_of_a_schema_file_becomes_a_migration_that_makes_the_difference_empty(
    our_project: Project, clarivum: Clarivum, database_urls: DatabaseUrls
) -> None:
    schema = our_project.supabase / "schemas" / "10_leads.sql"
    schema.write_text(schema.read_text().replace("'captured', 'enriched'", "'captured', 'asked', 'enriched'") + EDIT)
    before = set(our_project.migrations.iterdir())

    written = clarivum("db", "diff", "-f", "leads_phone", "--author", "growth", "--workdir", str(our_project.path))
    assert written.returncode == 0, written.stderr
    (path,) = set(our_project.migrations.iterdir()) - before
    assert path.name.endswith("_leads_phone.sql")
    assert path.name in written.stdout
    text = path.read_text()
    assert [part for part in EXPECTED if part not in text] == []
    assert "'asked'::text" in text
    assert text.startswith("-- author: growth\n")
    assert "DROP POLICY" not in text
    assert "pgmq" not in text

    again = clarivum("db", "diff", "--check", "--workdir", str(our_project.path))
    assert (again.returncode, again.stdout) == (0, ""), again.stdout
    assert "no difference" in again.stderr
    assert [migration.name for migration in push(database_urls.admin, our_project.migrations)] == ["leads_phone"]
    assert rows(database_urls.admin, "select public.lead_domain('ada@example.com')") == [("example.com",)]


def test_what_was_dropped_from_the_schema_is_dropped_and_check_says_so(
    our_project: Project, clarivum: Clarivum
) -> None:
    (our_project.supabase / "schemas" / "50_privacy.sql").unlink()
    found = clarivum("db", "diff", "--check", "--format", "json", "--workdir", str(our_project.path))
    assert found.returncode == 1, found.stderr
    answer = json.loads(found.stdout)
    assert 'DROP TABLE "public"."erasures"' in answer["difference"]
    assert answer["file"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("create table a (n int);\ncreate tabel b ();", r"99_bad\.sql:2: syntax error"),
        ("create table a (n int);\n\nselect * from nowhere;", r'99_bad\.sql:3: relation "nowhere" does not exist'),
        ("create index concurrently i on public.leads (source)", r"99_bad\.sql:1: .*not built concurrently"),
    ],
)
def test_a_schema_that_cannot_be_applied_is_refused_with_file_and_line(
    our_project: Project, supabase: SupabaseCli, text: str, message: str
) -> None:
    (our_project.supabase / "schemas" / "99_bad.sql").write_text(text)
    with pytest.raises(RefusedError, match=message) as refused:
        difference(our_project.supabase, supabase, unheard)
    assert refused.value.code.name == "schema_refused"


def test_schema_files_are_applied_in_the_order_that_config_toml_gives(project: Project, supabase: SupabaseCli) -> None:
    schemas = project.supabase / "schemas"
    schemas.mkdir()
    (schemas / "a.sql").write_text("create table a (n int primary key references b (n))")
    (schemas / "z.sql").write_text("create table b (n int primary key)")
    project.add("create table b (n int primary key); create table a (n int primary key references b (n))")
    with pytest.raises(RefusedError, match=r'a\.sql:1: relation "b" does not exist'):
        difference(project.supabase, supabase, unheard)
    with (project.supabase / "config.toml").open("a") as config:
        config.write('\n[db.migrations]\nschema_paths = ["./schemas/z.sql", "./schemas/*.sql"]\n')
    assert difference(project.supabase, supabase, unheard) == ""


@pytest.mark.parametrize("postgres_version", [16, 18])
def test_a_live_database_that_the_migrations_made_has_not_drifted(
    database_urls: DatabaseUrls, our_project: Project, supabase: SupabaseCli
) -> None:
    found = drift(database_urls.admin, our_project.migrations, supabase, unheard)
    assert (found.found, found.difference) == (False, "")


def test_what_was_changed_past_the_migrations_is_told(
    database_urls: DatabaseUrls, our_project: Project, clarivum: Clarivum
) -> None:
    execute(
        database_urls.admin,
        "alter table public.leads add column note text",
        "grant delete on public.leads to authenticated",
        "alter policy leads_staff_read on public.leads using (true)",
        "create or replace function clarivum.subject() returns text language sql stable as 'select null::text'",
        "alter table clarivum.job_runs no force row level security",
    )
    our_project.add("create table public.pending (n int)").rename(our_project.migrations / "20991231000000_pending.sql")
    told = clarivum("db", "drift", "--workdir", str(our_project.path), DATABASE_URL=database_urls.admin)
    assert told.returncode == 1, told.stderr
    for part in (
        'ADD COLUMN "note" text',
        'GRANT DELETE ON TABLE "public"."leads" TO "authenticated"',
        'CREATE POLICY "leads_staff_read"',
        "FUNCTION clarivum.subject()",
        "NO FORCE ROW LEVEL SECURITY",
    ):
        assert part in told.stdout
    assert '"pending"' not in told.stdout
    assert "pending  20991231000000_pending" in told.stderr
    assert database_urls.server.app_password not in told.stdout + told.stderr
    assert "postgres:***@" in told.stderr


def test_only_the_commands_that_need_the_supabase_cli_miss_it(
    our_project: Project, clarivum: Clarivum, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    bare = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if not (Path(part) / "supabase").exists()
    )
    settings = {"DATABASE_URL": database_urls.admin, "PATH": bare}
    for command in ("diff", "drift"):
        missing = clarivum("db", command, "--workdir", str(our_project.path), **settings)
        assert missing.returncode == 3
        assert "the Supabase CLI is not installed" in missing.stderr
        assert "npm install --save-dev supabase" in missing.stderr
        assert "Correct the named variable" not in missing.stderr, "no variable is wrong"
    assert clarivum("db", "status", "--workdir", str(our_project.path), **settings).returncode == 0
    assert clarivum("db", "push", "--workdir", str(our_project.path), **settings).returncode == 0
