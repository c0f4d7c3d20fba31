"""Where the `db` commands write, and to whom: a pipe that nobody reads, a folder below the working directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clarivum.database.migrations.push import status
from clarivum.testing.postgres import DatabaseUrls

from .conftest import OURS, TIMEOUT_S, Project

TABLE = (
    "create table public.t (id bigint primary key);\n"
    "alter table public.t enable row level security, force row level security;\n"
    "create policy t_read on public.t for select using (true);\n"
)


def db(*arguments: str, url: str, cwd: Path, **streams: int) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", "clarivum", "db", *arguments, "--workdir", str(cwd)],
        cwd=cwd,
        env={**inherited, "DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


@pytest.mark.parametrize("unread", [("stderr",), ("stdout",), ("stdout", "stderr")])
def test_a_push_whose_progress_nobody_reads_is_finished(
    project: Project, empty_database_urls: DatabaseUrls, unread: tuple[str, ...]
) -> None:
    project.add(TABLE)
    project.add("comment on table public.t is 'owner: growth. Kept.';")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        pushed = db("push", url=empty_database_urls.admin, cwd=project.path, **dict.fromkeys(unread, writer))
    finally:
        os.close(writer)
    assert pushed.returncode == 0, pushed.stderr
    assert "Broken pipe" not in (pushed.stderr or "")
    assert status(empty_database_urls.admin, project.migrations).in_step


def test_a_refusal_names_the_file_as_seen_from_here(project: Project, empty_database_urls: DatabaseUrls) -> None:
    path = project.add("create tabel t ();")
    refused = db("push", url=empty_database_urls.admin, cwd=project.path)
    assert refused.returncode == 4
    assert refused.stderr.startswith(f"clarivum: supabase/migrations/{path.name}:1: syntax error")
    assert str(project.path) not in refused.stderr
