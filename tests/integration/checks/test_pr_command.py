"""`./clarivum pr` as a process: what it compares with, what it can still say when a side cannot be read, exit codes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clarivum.checks.review.git import Repository
from clarivum.errors import UsageError
from tests.integration.checks.changing import TARGET, commit, edit, git, repository
from tests.integration.checks.checking import copied
from tests.integration.checks.commands import clarivum

MIGRATION = "-- author: growth\nalter table public.notes add column colour text;\n"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("original"))


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "notes"))


def pr(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return clarivum("pr", "--application", TARGET, *arguments, root=root, GIT_CEILING_DIRECTORIES=str(root.parent))


def described(root: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    ended = pr(root, "--format", "json", *arguments)
    assert ended.returncode == code, ended.stderr
    return dict(json.loads(ended.stdout))


def blocks(told: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return list(next(part["blocks"] for part in told["parts"] if part["key"] == key))


def rows(told: dict[str, Any], key: str) -> list[dict[str, str]]:
    return [row for block in blocks(told, key) if block["type"] == "table" for row in block["rows"]]


def test_nothing_changed_is_said_in_two_lines(root: Path) -> None:
    ended = pr(root)
    assert ended.returncode == 0, ended.stderr
    first, _, second = ended.stdout.splitlines()
    assert first.startswith("No file differs from `")
    assert second.startswith("Nothing changes in: Database schema, Migrations and their locks, ")
    assert ended.stderr == ""


def test_a_change_of_a_page_alone_changes_nothing_else(root: Path, tmp_path: Path) -> None:
    (root / "README.md").write_text("Notes.\n")
    ended = pr(root, "-o", str(tmp_path / "pr.md"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert "wrote" in ended.stderr
    text = (tmp_path / "pr.md").read_text()
    assert "1 file in 0 commits, 1 file not committed yet." in text
    assert "###" not in text


def test_without_git_or_commit_or_such_a_ref_it_is_a_usage_error(root: Path, tmp_path: Path) -> None:
    unknown = pr(root, "--base", "nowhere")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "'nowhere' names no commit here; fetch it, or give another --base" in unknown.stderr
    assert pr(root, "--output", str(tmp_path / "no" / "file.md")).returncode == 2
    with pytest.raises(UsageError, match="names no commit"):
        Repository(root).compare("--output=x")
    git(root, "branch", "--move", "trunk")
    with pytest.raises(UsageError, match="neither origin/main nor main to compare with; say which commit: --base REF"):
        Repository(root).compare(None)


def test_outside_of_a_repository_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    bare = copied("clean", tmp_path / "bare")
    outside = pr(bare)
    assert outside.returncode == 2
    assert "is not in a git repository" in outside.stderr
    git(bare, "init", "--quiet")
    with pytest.raises(UsageError, match="no commit yet"):
        Repository(bare)


def test_a_branch_is_compared_with_where_it_left(root: Path) -> None:
    left = git(root, "rev-parse", "HEAD")
    git(root, "checkout", "--quiet", "-b", "branch")
    (root / "supabase" / "migrations" / "20270110000000_colour.sql").write_text(MIGRATION)
    commit(root, "Colour")
    git(root, "checkout", "--quiet", "main")
    (root / "clean_backend" / "gone_on.py").write_text('"""Only on main."""\n')
    commit(root, "Main goes on")
    git(root, "checkout", "--quiet", "branch")
    told = described(root)
    assert told["compared"] == f"Compared with {left[:9]}, where this left main: 1 file in 1 commit."
    assert told["base"] == {"ref": "main", "commit": left}
    assert told["files"] == [{"path": "supabase/migrations/20270110000000_colour.sql", "change": "new"}]
    assert [row["object"] for row in rows(told, "schema")] == ["public.notes column colour"]
    assert rows(told, "contract") == rows(told, "jobs") == []


def test_an_older_commit_that_does_not_load_leaves_what_can_be_compared(root: Path) -> None:
    routes = root / "clean_backend" / "notes" / "routes.py"
    text = routes.read_text()
    routes.write_text("from clarivum.api import no_such_verb\n")
    commit(root, "Broken")
    routes.write_text(text)
    (root / "supabase" / "migrations" / "20270110000000_colour.sql").write_text(MIGRATION)
    edit(root / "clean_backend" / "notes" / "queries.sql", ("order by name", "order by name desc"))
    told = described(root)
    assert told["first"][0].startswith("the older commit does not load: clean_backend/notes/routes.py:1: ")
    assert [row["object"] for row in rows(told, "schema")] == ["public.notes column colour"]
    assert [row["locks"] for row in rows(told, "locks")] == ["public.notes"]
    assert [row["query"].split()[0] for row in rows(told, "queries")] == ["all_topics"]
    for part in ("contract", "jobs"):
        assert blocks(told, part)[0]["text"].startswith("Not compared: the older commit does not load. ")


def test_a_change_that_does_not_load_ends_with_one_and_is_described(root: Path) -> None:
    (root / "clean_backend" / "notes" / "jobs.py").write_text("import no_such_module\n")
    migrations = root / "supabase" / "migrations"
    (migrations / "20270110000000_colour.sql").write_text(MIGRATION)
    (migrations / "20270110000100_wrong.sql").write_text(
        "-- author: growth\nalter table public.notes add colum x int;\n"
    )
    told = described(root, code=1)
    assert any(line.startswith("this change does not load: clean_backend/notes/jobs.py:1: ") for line in told["first"])
    assert any("20270110000100_wrong.sql:2: " in line for line in told["first"])
    assert blocks(told, "schema")[0]["text"].startswith("Not compared: the migrations of this change do not apply. ")
    assert str(root) not in json.dumps(told)


def test_an_older_commit_without_the_application_has_nothing_of_it(root: Path) -> None:
    git(root, "checkout", "--quiet", "--orphan", "fresh")
    git(root, "rm", "-r", "--quiet", "--cached", ".")
    (root / "README.md").write_text("Nothing yet.\n")
    git(root, "add", "README.md")
    git(root, "commit", "--quiet", "--message", "Begin")
    told = described(root, "--base", "HEAD")
    assert not [line for line in told["first"] if "older commit" in line]
    assert {row["object"] for row in rows(told, "schema")} >= {"public.notes", "public.topics", "clarivum.job_runs"}
    assert {row["change"].split(",")[0] for row in rows(told, "contract")} == {"new"}
    assert {row["what"] for row in rows(told, "jobs")} == {"new job"}
