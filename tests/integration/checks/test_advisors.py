"""Supabase's advisors through the real CLI: silent about our schema, heard in a check, and missed aloud."""

import os
import shutil
import sys
from datetime import date
from pathlib import Path

import pytest

from clarivum.checks import Facts, Report, choose, run
from clarivum.checks.lint.advisors import advise, find_cli
from clarivum.checks.waivers import parse_waivers
from clarivum.clock import SYSTEM_CLOCK
from clarivum.database.schema.supabase_cli import SupabaseCli
from clarivum.database.server.scratch import ScratchServer
from clarivum.errors import ConfigurationError, DependencyDownError
from clarivum.testing.npm import install
from tests.integration.checks.checking import TODAY, Checked, copied, forget

ROOT = Path(__file__).resolve().parents[3]
OPEN = "supabase/migrations/20270104000000_open.sql"
MIGRATION = """-- author: growth
create table public.open (id bigint primary key);
comment on table public.open is 'owner: growth. Nobody guards it.';
grant select on public.open to anon;
"""


WAIVER = """
[[waiver]]
rule = "database/advisor"
subject = "of_nothing"
reason = "to see when it is called unused"
owner = "growth"
expires = 2028-01-01
"""


@pytest.fixture(scope="session")
def node_modules() -> Path:
    return install(ROOT / "tests" / "npm" / "supabase") / "node_modules"


@pytest.fixture(scope="session")
def cli(node_modules: Path) -> SupabaseCli:
    return SupabaseCli(node_modules / ".bin" / "supabase", os.environ)


@pytest.mark.parametrize("version", [16, 18])
def test_our_own_schema_has_no_advice_that_is_not_waived(cli: SupabaseCli, version: int) -> None:
    waivers = parse_waivers((ROOT / "waivers.toml").read_text(encoding="utf-8"))
    with ScratchServer(version) as server:
        url = server.migrated("ours", ROOT / "supabase" / "migrations")
        found = {kind: advise(cli, url, kind) for kind in ("security", "performance")}
    today = date(2026, 11, 26)

    def left(kind: str) -> list[str]:
        waived = {each.subject for each in waivers if each.rule == "database/advisor" and not each.is_expired(today)}
        return [each.message for each in found[kind] if each.subject not in waived]

    assert (left("security"), left("performance")) == ([], [])
    assert found["security"] == ()


def planted(folder: Path, node_modules: Path | None, *rules: str) -> Report:
    """Check a copy of the clean application that has an open table, with the CLI in the project's own node_modules."""
    root = copied("clean", folder)
    (root / OPEN).write_text(MIGRATION)
    (root / "waivers.toml").write_text(WAIVER)
    if node_modules is not None:
        (root / "node_modules").symlink_to(node_modules)
    sys.path.insert(0, str(root))
    try:
        environ = {"PATH": os.path.dirname(shutil.which("node") or "")}
        with Facts("clean_backend.app:application", today=TODAY, environ=environ) as facts:
            return run(facts, choose(["database/advisor", *rules]), SYSTEM_CLOCK)
    finally:
        sys.path.remove(str(root))
        forget("clean_backend")


def test_advice_is_a_finding_at_the_statement_that_made_the_object(tmp_path: Path, node_modules: Path) -> None:
    report = planted(tmp_path, node_modules)
    found = {each.subject: each for each in report.findings}
    assert found.keys() >= {"rls_disabled_in_public_public_open", "unused_index"}
    open_table = found["rls_disabled_in_public_public_open"]
    assert (open_table.file, open_table.line, open_table.rule) == (OPEN, 2, "database/advisor")
    assert "Table `public.open` is public, but RLS has not been enabled" in open_table.message
    assert "https://supabase.com/docs/" in open_table.fix
    assert "notes_subject_created_at_idx" in found["unused_index"].message
    assert report.notes == ()


def test_without_the_cli_the_report_says_that_the_advisors_did_not_look(clean: Checked) -> None:
    (note,) = [note for note in clean.report.notes if "advisors" in note]
    assert "did not look" in note
    assert "npm install --save-dev supabase" in note
    assert find_cli(clean.root, {}) is None


def test_a_waiver_is_called_unused_only_where_the_advisors_looked(tmp_path: Path, node_modules: Path) -> None:
    for name, cli, unused in (("with", node_modules, ["of_nothing"]), ("without", None, [])):
        report = planted(tmp_path / name, cli, "checks/waiver-unused")
        assert [each.subject for each in report.findings if each.rule == "checks/waiver-unused"] == unused


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("print('{\"findings\": []}')", ConfigurationError),
        ("print('<html>')", ConfigurationError),
        ("sys.stderr.write('no roles'); sys.exit(1)", DependencyDownError),
    ],
)
def test_a_cli_that_does_not_answer_as_expected_is_not_taken_for_silence(
    tmp_path: Path, script: str, error: type[Exception]
) -> None:
    program = tmp_path / "supabase"
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(error):
        advise(SupabaseCli(program, {}), "postgresql://postgres@127.0.0.1:1/postgres")
