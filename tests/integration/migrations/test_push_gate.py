"""A planted cross-team migration: refused by `db push` and `check` until its addendum exists."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from clarivum.testing.postgres import DatabaseUrls

from .conftest import OURS, ROOT, Clarivum, Project, rows

STEM = "20290101000000_profile_note"
MIGRATION = "-- author: growth\nalter table public.profiles add column note text;\n"
ADDENDUM = f"# ADR-0099: Addendum\n\n`{STEM}` adds a column to `public.profiles`; membership agreed.\n"
APPLICATION = """
from pathlib import Path
from clarivum.application import Application
application = Application("planted", root=Path(__file__).parent, features=[])
"""
NOTE = "select attname::text from pg_attribute where attrelid = 'public.profiles'::regclass and attname = 'note'"


def test_a_cross_team_migration_is_refused_until_its_addendum_exists(
    our_project: Project, clarivum: Clarivum, database_urls: DatabaseUrls
) -> None:
    push = ("db", "push", "--workdir", str(our_project.path))
    (our_project.migrations / f"{STEM}.sql").write_text(MIGRATION)
    for arguments in (push, (*push, "--dry-run")):
        refused = clarivum(*arguments, DATABASE_URL=database_urls.admin)
        assert refused.returncode == 4
        assert f"{STEM}.sql:2: touches public.profiles of membership (alter table)" in refused.stderr
    assert rows(database_urls.admin, NOTE) == []

    addenda = our_project.path / "docs" / "adr"
    addenda.mkdir(parents=True)
    (addenda / "0099-profile-note.md").write_text(ADDENDUM)
    pushed = clarivum(*push, DATABASE_URL=database_urls.admin)
    assert pushed.returncode == 0, pushed.stderr
    assert rows(database_urls.admin, NOTE) != []


def test_up_refuses_the_same_on_a_database_that_it_did_not_start(
    our_project: Project, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    (our_project.migrations / f"{STEM}.sql").write_text(MIGRATION)
    shutil.copyfile(ROOT / "owners.toml", our_project.path / "owners.toml")
    (our_project.path / "planted_backend.py").write_text(APPLICATION)
    data = tmp_path / "data"
    # Not the admin's alone: `up` would give the login, which the other tests of this server use, a password of its own.
    settings = {
        "DATABASE_URL": database_urls.app,
        "CLARIVUM_MIGRATION_URL": database_urls.admin,
        "CLARIVUM_APPLICATION": "planted_backend:application",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    started = subprocess.run(
        [sys.executable, "-m", "clarivum", "up", "--port", "0", "--data", str(data)],
        env={**inherited, "PYTHONPATH": str(our_project.path), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 4, started.stderr
    assert f"{STEM}.sql:2: touches public.profiles of membership (alter table)" in started.stderr
    assert rows(database_urls.admin, NOTE) == []


def test_the_addendum_that_adr_new_writes_opens_the_gate_once_it_is_filled_in(
    our_project: Project, clarivum: Clarivum, database_urls: DatabaseUrls
) -> None:
    root = our_project.path
    (our_project.migrations / f"{STEM}.sql").write_text(MIGRATION)
    shutil.copyfile(ROOT / "owners.toml", root / "owners.toml")
    package = root / "planted_backend"
    package.mkdir()
    (package / "__init__.py").touch()

    def check() -> str:
        arguments = ("database/cross-team-migration", "--application", "planted_backend.app:application")
        return clarivum("check", *arguments, PYTHONPATH=str(root)).stdout

    def push() -> "subprocess.CompletedProcess[str]":
        return clarivum("db", "push", "--workdir", str(root), DATABASE_URL=database_urls.admin)

    assert f"no addendum in docs/adr names {STEM}" in check()
    assert push().returncode == 4

    written = clarivum("adr", "new", "--addendum", "--workdir", str(root))
    assert written.returncode == 0, written.stderr
    addendum = root / "docs" / "adr" / "0001-addendum-profile-note.md"
    assert "| `public.profiles` | membership (" in addendum.read_text()
    line = addendum.read_text().partition("<!-- fill: ")[0].count("\n") + 1
    assert f"0001-addendum-profile-note.md:{line} is still to be filled in" in check()
    assert f"0001-addendum-profile-note.md:{line} is still to be filled in" in push().stderr
    again = clarivum("adr", "new", "--addendum", "--workdir", str(root))
    assert again.returncode == 2
    assert "is there already; fill it in" in again.stderr

    addendum.write_text(re.sub("<!-- fill: .*? -->", "Membership agreed.", addendum.read_text()))
    assert "0 findings" in check()
    pushed = push()
    assert pushed.returncode == 0, pushed.stderr
    assert rows(database_urls.admin, NOTE) != []
