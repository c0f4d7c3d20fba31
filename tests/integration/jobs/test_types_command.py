"""`jobs types` on a copy of an application whose payload changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clarivum.errors import Exit

CLEAN = Path(__file__).parents[1] / "checks" / "applications" / "clean"
FILE = Path("clients/payloads/notes.tidy.json")
CLIENT = Path("clients/typescript/src")
JOBS = Path("clean_backend/notes/jobs.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The clean application, with the client that it goes without."""
    root = Path(shutil.copytree(CLEAN, tmp_path / "clean", ignore=shutil.ignore_patterns("__pycache__")))
    assert types(root).returncode == 0
    return root


def types(root: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clarivum", "jobs", "types", "--application", "clean_backend.app:application"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [*command, *options], cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def change(root: Path, old: str, new: str) -> None:
    text = (root / JOBS).read_text()
    assert old in text
    (root / JOBS).write_text(text.replace(old, new))


def test_what_is_up_to_date_is_left_alone(copy: Path) -> None:
    for options in ((), ("--check",)):
        ended = types(copy, *options)
        assert ended.returncode == 0
        assert ended.stdout == "  1 payload schema and 9 files of the TypeScript client are up to date\n"


def test_a_wider_payload_is_written_once_asked(copy: Path) -> None:
    change(copy, "    note_id: UUID\n", '    note_id: UUID\n    reason: str = "written"\n')
    before = (copy / FILE).read_text()
    ended = types(copy, "--check")
    assert ended.returncode == Exit.FINDINGS
    assert ended.stdout == f"  would write {FILE}\n  would write {CLIENT}/payloads.ts\n"
    assert "reason" not in (copy / CLIENT / "payloads.ts").read_text()
    assert (copy / FILE).read_text() == before
    assert types(copy).returncode == 0
    assert '"reason"' in (copy / FILE).read_text()
    assert "reason?: string" in (copy / CLIENT / "payloads.ts").read_text()
    assert types(copy, "--check").returncode == 0


def test_a_narrower_payload_is_refused_until_it_has_an_upcast(copy: Path) -> None:
    change(copy, "    note_id: UUID\n", "    note_id: UUID\n    reason: str\n")
    before = (copy / FILE).read_text()
    ended = types(copy)
    assert ended.returncode == Exit.REFUSED
    assert "notes.tidy" in ended.stderr
    assert "messages of version 1 would fail at /reason: the field is required" in ended.stderr
    assert (copy / FILE).read_text() == before
    change(
        copy,
        "    note_id: UUID\n",
        '    schema_version = 2\n    upcasts = {1: lambda old: {**old, "reason": "unknown"}}\n    note_id: UUID\n',
    )
    assert types(copy).returncode == 0
    assert '"older": {\n    "1": {' in (copy / FILE).read_text()


def test_a_file_that_somebody_broke_is_named(copy: Path) -> None:
    (copy / FILE).write_text("{}")
    ended = types(copy)
    assert ended.returncode == Exit.CONFIGURATION
    assert str(FILE) in ended.stderr


def test_a_payload_without_an_equal_in_typescript_is_refused_with_its_field(copy: Path) -> None:
    change(copy, "    note_id: UUID\n", "    note_id: UUID\n    ratio: int | float = 1\n")
    before = (copy / CLIENT / "payloads.ts").read_text()
    ended = types(copy)
    assert ended.returncode == Exit.CONFIGURATION
    assert "jobs.py:" in ended.stderr
    assert "at /ratio has no equal in TypeScript" in ended.stderr
    assert (copy / CLIENT / "payloads.ts").read_text() == before
