"""What `db push` and `db reset` refuse by the schema that the pending migrations would make."""

from pathlib import Path

import pytest

from clarivum.checks.lint.introduced import ASKED
from clarivum.checks.registry import RULES
from clarivum.cli.push_refusals import refuse_pending
from clarivum.database.migrations.push import push
from clarivum.database.provision import provision
from clarivum.database.server import binaries
from clarivum.errors import MIGRATION_UNSAFE, RefusedError
from clarivum.testing.npm import install
from clarivum.testing.postgres import DatabaseUrls

from .conftest import Clarivum, Project, execute, rows

NOT_ASKED = {
    "database/table-without-owner": "says what is not finished",
    "database/row-count-unreadable": "says what is not finished",
    "database/table-without-grant": "says what is not finished",
    "database/migration-fails": "the push itself tells",
    "database/cross-team-migration": "asked of the text",
    "database/destructive-migration": "asked of the text",
    "database/squawk": "asked of the text",
    "database/query-not-declared": "is about the application",
    "database/query-file-invalid": "is about the application",
}
"""Rules that can look without a loaded application and are not asked of the schema before a push, with the reason."""
APPLIED = """-- author: growth
create table public.notes (id bigint generated always as identity primary key, owner text not null, body text);
alter table public.notes enable row level security, force row level security;
create policy notes_read on public.notes for select to authenticated
    using (owner = (select auth.jwt() ->> 'sub'));
create index notes_owner_idx on public.notes (owner);
grant select on public.notes to authenticated;
create function public.old(int) returns int language sql immutable leakproof set search_path = '' as 'select 1';
"""
PENDING = (
    """-- author: growth
grant update on public.notes to authenticated;
create policy notes_write on public.notes for update to authenticated using (owner = (select auth.jwt() ->> 'sub'));
create policy notes_more on public.notes for select to authenticated using (owner = auth.jwt() ->> 'sub');
""",
    "-- author: growth\nselect 1;\ngrant all on public.notes to authenticated;\n",
    """-- author: growth
create function public.f() returns int language sql security definer set search_path = '' as 'select 1';
alter function public.f() owner to clarivum_worker;
create function public.g(int) returns int language sql immutable leakproof set search_path = '' as 'select 1';
""",
)
TOLD = (
    "2_m2.sql:3: public.notes.notes_write: the policy is for UPDATE and has no WITH CHECK",
    "2_m2.sql:4: public.notes.notes_more: the policy calls auth.jwt once per row",
    "3_m3.sql:3: public.notes: authenticated may truncate",
    "4_m4.sql:2: public.f(): PUBLIC, every login there is, may execute it",
    "4_m4.sql:4: public.g(integer): it is LEAKPROOF",
    "    grant all on public.notes to authenticated",
    'waive   rule = "database/policy-without-check", subject = "public.notes.notes_write"',
    'waive   rule = "database/table-with-unsafe-grant", subject = "public.notes"',
    'waive   rule = "database/definer-open-to-public", subject = "public.f()"',
)
LEAKPROOF = (
    "create function public.g(int) returns int language sql immutable leakproof set search_path = '' as 'select 1';"
)
WAIVER = """[[waiver]]
rule = "database/function-leakproof"
subject = "public.g(integer)"
reason = "compares two integers"
owner = "platform"
expires = 2999-01-01
"""
ROOT = Path(__file__).resolve().parents[3]
MISSED = "the rules on the resulting schema did not look: "


@pytest.fixture
def provisioned(empty_database_urls: DatabaseUrls) -> str:
    """A database with the baseline and no migration."""
    provision(empty_database_urls.admin)
    return empty_database_urls.admin


def test_every_rule_on_the_schema_alone_is_asked_or_left_out_for_a_reason() -> None:
    looking = {rule.id for rule in RULES if rule.chapter == "database" and not rule.needs_application}
    assert looking == ASKED | NOT_ASKED.keys()
    assert ASKED.isdisjoint(NOT_ASKED)


def test_what_the_pending_files_bring_into_the_schema_is_refused_and_nothing_older(
    project: Project, provisioned: str
) -> None:
    project.add(APPLIED)
    push(provisioned, project.migrations)
    for text in PENDING:
        project.add(text)
    with pytest.raises(RefusedError) as refused:
        refuse_pending(provisioned, project.migrations, project.path)
    assert refused.value.code is MIGRATION_UNSAFE
    assert [part for part in TOLD if part not in refused.value.detail] == []
    assert "public.old" not in refused.value.detail
    assert "notes_read" not in refused.value.detail


def test_supabases_advisors_are_asked_where_their_cli_is_installed(
    project: Project, provisioned: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keyless = (
        "create table public.{0} (n bigint);\n"
        "alter table public.{0} enable row level security, force row level security;\n"
        "create policy {0}_read on public.{0} for select to authenticated using (false);\n"
    )
    monkeypatch.setenv("PATH", "/nowhere")
    project.add(keyless.format("old"))
    push(provisioned, project.migrations)
    project.add(keyless.format("new"))
    refuse_pending(provisioned, project.migrations, project.path)
    assert "Supabase's advisors did not look, the Supabase CLI is not installed: `npm" in capsys.readouterr().err
    monkeypatch.undo()
    (project.path / "node_modules").symlink_to(install(ROOT / "tests" / "npm" / "supabase") / "node_modules")
    with pytest.raises(RefusedError) as told:
        refuse_pending(provisioned, project.migrations, project.path)
    assert "Table `public.new` does not have a primary key" in told.value.detail
    assert "public.old" not in told.value.detail
    assert "did not look" not in capsys.readouterr().err


def test_a_dry_run_refuses_as_the_push_does_and_a_waiver_lets_both_pass(
    project: Project, clarivum: Clarivum, provisioned: str
) -> None:
    path, here = project.add(LEAKPROOF), ("--workdir", str(project.path))
    for arguments in (("push", "--dry-run"), ("push",)):
        refused = clarivum("db", *arguments, *here, DATABASE_URL=provisioned)
        assert refused.returncode == 4, refused.stderr
        assert f"{path.name}:1: public.g(integer): it is LEAKPROOF" in refused.stderr
    (project.path / "waivers.toml").write_text(WAIVER)
    for arguments in (("push", "--dry-run"), ("push",)):
        pushed = clarivum("db", *arguments, *here, DATABASE_URL=provisioned)
        assert pushed.returncode == 0, pushed.stderr
    assert rows(provisioned, "select to_regprocedure('public.g(int)') is not null") == [(True,)]


def test_a_reset_refuses_new_files_before_it_drops_anything(
    project: Project, clarivum: Clarivum, provisioned: str
) -> None:
    here = ("--workdir", str(project.path))
    project.add(LEAKPROOF)
    push(provisioned, project.migrations)
    execute(provisioned, "create table public.kept (n int)")
    assert clarivum("db", "reset", "--yes", *here, DATABASE_URL=provisioned).returncode == 0
    execute(provisioned, "create table public.kept (n int)")
    project.add("create table public.open (n int);")
    refused = clarivum("db", "reset", "--yes", *here, DATABASE_URL=provisioned)
    assert refused.returncode == 4
    assert "public.open: row-level security is not enabled" in refused.stderr
    assert "public.g" not in refused.stderr
    assert rows(provisioned, "select to_regclass('public.kept') is not null") == [(True,)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("create extension postgis;", '20261101000001_m1.sql:1: extension "postgis" is not available'),
        ("create subscription s connection 'host=x' publication p;", "a migration subscribes to another server"),
    ],
)
def test_what_an_embedded_server_cannot_do_is_said_and_refuses_nothing(
    project: Project, provisioned: str, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    project.add(text)
    refuse_pending(provisioned, project.migrations, project.path)
    assert f"{MISSED}{why}" in capsys.readouterr().err


def test_a_machine_without_the_embedded_programs_pushes_and_says_what_was_left_out(
    project: Project, provisioned: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")
    project.add(LEAKPROOF)
    refuse_pending(provisioned, project.migrations, project.path)
    assert f"{MISSED}the Python package no_such_package is missing" in capsys.readouterr().err


def test_nothing_pending_starts_no_server(
    project: Project, provisioned: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")
    refuse_pending(provisioned, project.migrations, project.path)
    assert capsys.readouterr().err == ""
