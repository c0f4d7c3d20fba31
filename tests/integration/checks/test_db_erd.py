"""`db erd` as a process: what it writes, what it keeps, and what it refuses."""

import json
import subprocess
from pathlib import Path

from tests.integration.checks.checking import copied
from tests.integration.checks.commands import clarivum

HAND = "# Our house\n\nWritten by hand.\n"


def erd(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return clarivum("db", "erd", *arguments, "--application", f"{root.name}_backend.app:application", root=root)


def test_the_parts_are_written_once_and_what_is_written_by_hand_is_kept(tmp_path: Path) -> None:
    root = copied("clean", tmp_path)
    page = root / "docs" / "architecture.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(HAND)

    refused = erd(root, "--check")
    assert refused.returncode == 1, refused.stderr
    assert "out of date, ./clarivum db erd writes it: docs/architecture.md" in refused.stdout
    assert page.read_text() == HAND

    written = erd(root)
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith("  wrote docs/architecture.md")
    text = page.read_text()
    assert text.startswith(HAND)
    assert '    "notes" {' in text
    assert "| `public.notes` | growth | 20,000,000 | What members write down. |" in text
    assert "- ask growth engineering, #growth; its data: data champion, #data" in text
    assert "- `authenticated` may read rows where `subject` is the caller and `deleted_at` is null" in text
    assert "| `notes_pkey` | primary key, `id` | `mark_done` |" in text

    again = erd(root, "--check", "--format", "json")
    assert again.returncode == 0
    document = json.loads(again.stdout)
    assert (document["changed"], document["written"], list(document["parts"])) == (False, False, ["diagram", "tables"])


def test_showing_writes_nothing(tmp_path: Path) -> None:
    root = copied("clean", tmp_path)
    shown = erd(root, "--show")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("```mermaid\nerDiagram\n")
    assert not (root / "docs" / "architecture.md").exists()


def test_marks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    root = copied("clean", tmp_path)
    page = root / "docs" / "architecture.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text("<!-- made by ./clarivum db erd: diagram; … -->\n")
    ended = erd(root)
    assert ended.returncode == 3
    assert "docs/architecture.md:1: the part 'diagram' has no end" in ended.stderr


def test_migrations_that_are_refused_are_told_with_their_place(tmp_path: Path) -> None:
    root = copied("clean", tmp_path)
    (root / "supabase" / "migrations" / "20270102000000_broken.sql").write_text(
        "-- author: growth\ncreate tabel x ();\n"
    )
    ended = erd(root)
    assert ended.returncode == 4
    assert "supabase/migrations/20270102000000_broken.sql:2" in ended.stderr
