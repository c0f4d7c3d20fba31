"""A git repository with an application in it, and a change of nearly everything that a reviewer asks about."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from clarivum.checks.review.change import Change
from clarivum.checks.review.comparing import compare
from tests.integration.checks.checking import copied, forget

TARGET = "clean_backend.app:application"
TODAY = date(2027, 1, 15)
SECRET = "hunter2-never-shown"
JOBS = '''

class SweepNotes(Payload):
    """Look for old notes."""

    at: AwareDatetime
    depth: int = 1


@job(SweepNotes, name="notes.sweep", key="at", timeout_s=5, schedule="0 3 * * *")
async def sweep_notes(payload: SweepNotes, run: Run) -> None:
    """Look for old notes at night."""
'''
NEW_JOB = '''

class ArchiveNote(Payload):
    """Put a note away."""

    note_id: UUID
    reason: str | None = None


@job(ArchiveNote, name="notes.archive", key="note_id", timeout_s=30)
async def archive_note(payload: ArchiveNote, run: Run) -> None:
    """Put a note away."""
    archived.add(1)
'''
TAGS = """-- author: growth
create table public.tags (id uuid primary key default gen_random_uuid(), label text not null check (label ~ '^a|b`c'));
comment on table public.tags is 'owner: growth. rows: 5_000. Labels.';
alter table public.tags enable row level security;
alter table public.tags force row level security;
grant select on public.tags to authenticated;
create policy tags_read on public.tags for select to authenticated using (true);
alter table public.notes add column colour text default 'a|b';
alter table public.notes drop column body;
create index notes_topic_idx on public.notes (topic);
update public.notes set colour = 'red' where colour is null;
select clarivum.create_queue('notes_archive');
"""
CROSSING = "-- author: growth\nalter table clarivum.job_runs add column note text;\n"
CONCURRENT = "-- author: growth\ncreate index concurrently notes_status_idx on public.notes (status);\n"
WAIVER = """[[waiver]]
rule = "database/query-without-index"
subject = "notes_by_colour"
reason = "once a month | for `fun`"
owner = "growth"
expires = 2027-02-01
"""
CELL = {"reach": "own rows", "by": ["notes_own_read"]}


def git(root: Path, *arguments: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=A Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    ended = subprocess.run(
        ["git", *identity, *arguments], cwd=root, env=environ, check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def repository(folder: Path) -> Path:
    """The clean application with a scheduled job and an access matrix, committed on `main`."""
    root = copied("clean", folder)
    notes = root / "clean_backend" / "notes"
    edit(
        notes / "jobs.py", ("from uuid import UUID\n", "from uuid import UUID\n\nfrom pydantic import AwareDatetime\n")
    )
    with (notes / "jobs.py").open("a", encoding="utf-8") as file:
        file.write(JOBS)
    edit(
        notes / "__init__.py",
        ("import tidy_note", "import sweep_notes, tidy_note"),
        ("[tidy_note]", "[tidy_note, sweep_notes]"),
    )
    migration = root / "supabase" / "migrations" / "20270101000000_notes.sql"
    edit(migration, ("select clarivum.create_queue('notes_tidy');", "select clarivum.create_queue('notes_tidy');\n"
         "select clarivum.create_queue('notes_sweep');"))  # fmt: skip
    (root / "docs").mkdir(exist_ok=True)
    write_matrix(root, {"member": {"authenticated": {"select": CELL}}})
    (root / ".gitignore").write_text("__pycache__/\nsecret.env\n")
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root, "Notes")
    return root


def write_matrix(root: Path, personas: dict[str, object]) -> None:
    document = {"tables": {"public.notes": personas}, "routes": {}}
    (root / "docs" / "access-matrix.json").write_text(json.dumps(document), encoding="utf-8")


def change_everything(root: Path) -> None:
    """On a branch of one commit, with the rest left uncommitted."""
    git(root, "checkout", "--quiet", "-b", "colours")
    notes, migrations = root / "clean_backend" / "notes", root / "supabase" / "migrations"
    (migrations / "20270110000000_tags.sql").write_text(TAGS)
    (migrations / "20270110000100_run_note.sql").write_text(CROSSING)
    edit(
        notes / "contract.py",
        ("    body: str | None\n", ""),
        (
            "    topic: str\n    body: str | None = None\n",
            "    topic: str\n    colour: str\n    body: str | None = None\n",
        ),
    )
    edit(
        notes / "queries.sql",
        ("select id, topic, body, status, created_at", "select id, topic, status, created_at"),
        ("order by created_at desc, id desc", "order by topic, id desc"),
        ("(subject, topic, body)", "(subject, topic, colour)"),
        ("%(topic)s, %(body)s", "%(topic)s, %(colour)s"),
        ("returning id, topic, body, status", "returning id, topic, status"),
        ("-- name: mark_done", "-- name: notes_by_colour -> many Note\nselect id, topic, status, created_at from "
         "public.notes\nwhere colour = %(colour)s limit %(limit)s;\n\n-- name: mark_done"),
    )  # fmt: skip
    commit(root, "Colours")
    (migrations / "20270110000200_status_index.sql").write_text(CONCURRENT)
    edit(
        notes / "routes.py",
        ('@get("/api/v1/topics", access=anyone(rate="60/minute"))\nasync def list_topics',
         '@get("/api/v1/labels", access=authenticated())\nasync def list_labels'),
        ("import NewestFirst, Page, anyone, authenticated", "import NewestFirst, Page, authenticated"),
    )  # fmt: skip
    edit(
        notes / "jobs.py",
        ("from uuid import UUID\n", "import os\nfrom uuid import UUID\n"),
        ("from clarivum.jobs import", "from clarivum.telemetry import counter\nfrom clarivum.jobs import"),
        ("timeout_s=5)", "timeout_s=20)"),
        ('"0 3 * * *"', '"30 4 * * *"'),
        ("    depth: int = 1\n", ""),
        (
            "\n\nclass TidyNote",
            '\nCOLOUR = os.environ.get("NOTES_COLOUR", "")\narchived = counter("notes.archived", "Put away.")\n'
            "\n\nclass TidyNote",
        ),
    )
    with (notes / "jobs.py").open("a", encoding="utf-8") as file:
        file.write(NEW_JOB)
    edit(
        notes / "__init__.py",
        ("list_topics", "list_labels"),
        ("import sweep_notes", "import archive_note, sweep_notes"),
        ("sweep_notes]", "sweep_notes, archive_note]"),
    )
    (root / "waivers.toml").write_text(WAIVER)
    (root / "tests").mkdir()
    (root / "tests" / "test_labels.py").write_text("def test_labels(): assert '/api/v1/labels'\n")
    (root / "secret.env").write_text(f"PASSWORD={SECRET}\n")
    write_matrix(root, {"member": {"authenticated": {"select": {**CELL, "reach": "all rows"}}}})


def compared(root: Path, ref: str | None = None, **environ: str) -> Change:
    """Compare in this process; both sides are read in their own."""
    sys.path.insert(0, str(root))
    try:
        return compare(TARGET, ref, today=TODAY, environ={**os.environ, **environ})
    finally:
        sys.path.remove(str(root))
        forget("clean_backend")
