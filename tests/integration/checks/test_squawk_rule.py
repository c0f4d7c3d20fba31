"""`check` over the text of migrations: what they destroy, and what squawk minds. No server is started for either."""

import shutil
from pathlib import Path

import pytest

from clarivum.errors import ConfigurationError
from tests.integration.checks.checking import Checked, checked

RULES = ["database/destructive-migration", "database/squawk"]
CARELESS = "supabase/migrations/20270104000000_careless.sql"
STEM = Path(CARELESS).stem
MIGRATION = """-- author: growth
-- Topics lose their texts, and notes speak of text.
alter table public.topics drop column about;

alter table public.notes
    rename column body to text;
"""
WAIVERS = f"""
[[waiver]]
rule = "database/destructive-migration"
subject = "{STEM} drop column public.topics.about"
reason = "never read by any release"
owner = "growth"
expires = 2027-12-31

[[waiver]]
rule = "database/squawk"
subject = "{STEM}:6 renaming-column"
reason = "no release is out that reads it"
owner = "growth"
expires = 2027-01-14
"""


def careless(folder: Path, waivers: str = "") -> Checked:
    def plant(root: Path) -> None:
        (root / CARELESS).write_text(MIGRATION)
        if waivers:
            (root / "waivers.toml").write_text(waivers)

    return checked("clean", folder, plant, rules=RULES)


def test_a_destructive_migration_is_found_at_its_statement(tmp_path: Path) -> None:
    (found,) = careless(tmp_path).of("database/destructive-migration")
    assert (found.file, found.line, found.subject) == (CARELESS, 3, f"{STEM} drop column public.topics.about")
    assert found.message == "drop column public.topics.about loses its values"
    assert (found.owner, found.ask) == ("growth", "data champion, #data")


def test_what_squawk_minds_is_found_with_its_rule_file_and_line(tmp_path: Path) -> None:
    (found,) = careless(tmp_path).of("database/squawk")
    assert (found.file, found.line, found.subject) == (CARELESS, 6, f"{STEM}:6 renaming-column")
    assert found.message == "squawk renaming-column: Renaming a column may break existing clients."
    assert "squawkhq.com/docs/renaming-column" in found.fix


def test_each_is_waived_by_its_subject_until_the_day(tmp_path: Path) -> None:
    report = careless(tmp_path, WAIVERS).report
    assert report.waived == 1
    assert [finding.subject for finding in report.findings] == [f"{STEM}:6 renaming-column"]  # expired the day before


def test_without_squawk_the_check_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(ConfigurationError, match="squawk is not installed"):
        careless(tmp_path)


def test_a_file_that_cannot_be_read_is_noted_and_not_passed_over(tmp_path: Path) -> None:
    def plant(root: Path) -> None:
        (root / CARELESS).write_text(MIGRATION.replace("drop column", "drop column from"))

    report = checked("clean", tmp_path, plant, rules=RULES).report
    assert report.findings == ()
    (note,) = report.notes
    assert note.startswith(f"{CARELESS}:3: syntax error")
    assert note.endswith("the text of the migrations is not judged")
