"""docs/guide/feature.md, followed to the letter in a copy of the repository."""

import json
import re
import sys
from pathlib import Path

import pytest

from bff.privacy.coverage import uncovered
from clarivum.testing.npm import install
from tests.acceptance.guide_page import Copy, blocks
from tests.acceptance.running import ROOT, Up

PAGE = ROOT / "docs" / "guide" / "feature.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
STEPS = {int(title.partition(".")[0]): text for title, text in SECTIONS.items() if title[0].isdigit()}
MISSING = SECTIONS["What is found when something is missing"]
OWN = SECTIONS["A backend of your own"]

MIGRATION = "supabase/migrations/*_wishes.sql"
INDEX = "create index wishes_subject_created_at_idx on public.wishes (subject, created_at desc, id desc);"
UNWRITTEN = "./clarivum check jobs database/erd-out-of-date auth/matrix-out-of-date"
LEFT_OUT = {
    "./clarivum check database jobs/queue-missing": {
        "the index on `subject`": (MIGRATION, INDEX, ""),
        "`force row level security`": (MIGRATION, "alter table public.wishes force row level security;", ""),
        "the worker's grant": (MIGRATION, "grant select, update, delete on public.wishes to clarivum_worker;", ""),
        "`create_queue`": (MIGRATION, "select clarivum.create_queue('wishes_normalise');", ""),
        "a column of `Wish` in `wishes_page`": ("bff/wishes/queries.sql", ", revision\nfrom", "\nfrom"),
    },
    "./clarivum check api database/query-not-registered database/table-without-owner jobs/job-not-registered": {
        "the owner in the table's comment": (MIGRATION, "'owner: membership. rows", "'rows"),
        "`wishes.feature` in `bff/app.py`, or its arguments": ("bff/app.py", "        wishes.feature,\n", ""),
    },
    "./clarivum check api jobs/job-without-key": {
        "`access=` of a route": (
            "bff/wishes/routes.py",
            ', access=role("editor", "admin", machines="read:wishes")',
            "",
        ),
        "`key=` of the job": ("bff/wishes/jobs.py", ', key="wish_id"', ""),
    },
}
"""Each command of `check`, and rows of the page's table that it must find, all left out at once."""

pytestmark = pytest.mark.timeout(300)  # each test is a few commands of one to ten seconds, beside what else is running


def block(section: str, about: str) -> str:
    """The text of the one block of a section that is marked so."""
    (found,) = (each.text for each in blocks(section) if each.about == about)
    return found


def findings(output: str) -> list[str]:
    """The findings of `check`, each with its lines, as the page shows them: without the time of the migration."""
    return re.findall(
        r"^  [a-z]+/[^\n]+\n(?:    [^\n]+\n)+", re.sub(r"\d{14}_wishes", "*_wishes", output), re.MULTILINE
    )


def promised(what: str) -> set[str]:
    """The rules that find a row of the page's table."""
    (rules,) = re.findall(rf"^\| {re.escape(what)} \| (.+) \|$", MISSING, re.MULTILINE)
    return set(re.findall(r"`([a-z]+/[a-z-]+)`", rules))


def rules(output: str) -> set[str]:
    return {each.split()[0] for each in findings(output)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The slice as steps 1 to 7 leave it, with the test of step 8; nothing is generated yet."""
    copy = Copy.of_the_repository(tmp_path_factory.mktemp("written") / "clarivum")
    for number in range(1, 8):
        copy.follow(STEPS[number])
    for each in blocks(STEPS[8]):
        if each.about != "run":
            copy.write(each)
    return copy


@pytest.fixture(scope="module")
def finished(written: Copy, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The slice as step 9 leaves it."""
    copy = written.copied(tmp_path_factory.mktemp("finished") / "clarivum")
    copy.follow(STEPS[9])
    return copy


def test_the_slices_own_test_passes(written: Copy) -> None:
    assert re.search(r"^[1-9]\d* passed in", written.run(block(STEPS[8], "run")).stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        "ruff check bff tests/integration/bff",
        "ruff format --check bff tests/integration/bff",
        "mypy bff",
        "lint-imports --no-cache",
    ],
)
def test_lint_types_and_layers_pass(written: Copy, command: str) -> None:
    written.run(f"PYTHONPATH=src:. {Path(sys.executable).parent}/{command}")


def test_the_declared_schema_is_what_the_migration_makes(written: Copy) -> None:
    supabase = install(ROOT / "tests" / "npm" / "supabase") / "node_modules" / ".bin"
    written.run("./clarivum db diff --check", path=supabase)


def test_what_no_command_has_written_yet_is_named_with_the_command(written: Copy) -> None:
    done = written.run(UNWRITTEN, check=False)
    assert rules(done.stdout) == promised("a command of step 9")
    (shown,) = findings(block(STEPS[9], "said by ./clarivum check jobs"))
    assert shown in findings(done.stdout)
    commands = re.findall(r"^\./clarivum ((?:\w+ )+)", block(STEPS[9], "run"), re.MULTILINE)
    assert [command for command in commands if f"./clarivum {command.strip()}" not in done.stdout] == []


def test_nothing_is_left_to_find(finished: Copy) -> None:
    assert "  0 findings, " in finished.run(block(STEPS[9], "run: green")).stdout


def test_it_can_be_tried(finished: Copy) -> None:
    up = Up(finished.root / ".clarivum", root=finished.root).start()
    try:
        done = finished.run(block(STEPS[10], "run: up").replace("localhost:8000", f"localhost:{up.port}"))
    finally:
        up.stop()
    assert done.stdout.count('"topic":null') == 1
    assert done.stdout.count('"topic":"cohort retention"') == 2


@pytest.mark.parametrize("command", LEFT_OUT)
def test_what_is_left_out_is_found(finished: Copy, tmp_path: Path, command: str) -> None:
    copy = finished.copied(tmp_path / "clarivum")
    for path, before, after in LEFT_OUT[command].values():
        copy.change(path, before, after)
    done = copy.run(command, check=False)
    silent = {what: promised(what) - rules(done.stdout) for what in LEFT_OUT[command]}
    assert not any(silent.values()), silent
    if "the index on `subject`" in LEFT_OUT[command]:
        shown = findings(block(MISSING, "said by ./clarivum check database"))
        assert len(shown) == 2
        assert [each for each in shown if each not in findings(done.stdout)] == []


def test_the_rest_of_the_table_is_what_other_tests_show() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \|$", MISSING, re.MULTILINE)[1:]
    assert set(rows) - {what for each in LEFT_OUT.values() for what in each} == {"step 7", "a command of step 9"}
    assert uncovered(["public.wishes.subject", "public.wishes.text"]) == ["public.wishes.subject"]


def test_a_backend_of_ones_own_begins_with_nothing_but_waivers_to_delete(tmp_path: Path) -> None:
    copy = Copy.of_the_repository(tmp_path / "clarivum")
    copy.follow(OWN)
    command = block(OWN, "run: own").strip()
    done = copy.run(f"{command} --format json", check=False)
    assert {each["rule"] for each in json.loads(done.stdout)["findings"]} == {"checks/waiver-unused"}
    setting = dict([command.split()[0].split("=")])
    up = Up(copy.root / ".clarivum", environment=setting, root=copy.root)
    try:
        assert "0 jobs, 0 schedules" in up.start().printed
        assert "/api/v1/" not in up.printed
    finally:
        up.stop()
