"""`db push` as a process: killed at its statements, and started ten times at once."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clarivum.database.migrations.push import Pace, push, status
from clarivum.testing.postgres import DatabaseUrls, ServersForTests

from .conftest import OURS, ROOT, Project, rows
from .cutting_proxy import CuttingProxy

FILES = (
    "create table public.a (n bigint);\nalter table public.a enable row level security, force row level security;\n"
    "create policy a_read on public.a for select using (true);\n"
    "insert into public.a select generate_series(1, 10);\ncreate index a_old_idx on public.a (n);",
    "create index concurrently a_n_idx on public.a (n)",
    "drop index concurrently public.a_old_idx",
    "insert into public.a values (11)",
)
INDEXES = "select indexrelid::regclass::text, indisvalid from pg_index where indrelid = 'public.a'::regclass"
WORKERS = 2
STEP, LAST = 5, 42
DEADLINE_S = 240


def pushing(project: Project, url: str) -> "subprocess.Popen[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.Popen(
        [sys.executable, "-m", "clarivum", "db", "push", "--format", "json", "--workdir", str(project.path)],
        cwd=ROOT,
        env={**inherited, "DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def applied(process: "subprocess.Popen[str]") -> list[str]:
    """The names of what a push that ended well says it applied."""
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, err
    return [migration["name"] for migration in json.loads(out)["applied"]]


def is_complete(project: Project, url: str) -> bool:
    """Whether everything is there once, and nothing half done is left."""
    return (
        status(url, project.migrations).in_step
        and rows(url, "select count(*), max(n) from public.a") == [(11, 11)]
        and rows(url, INDEXES) == [("a_n_idx", True)]
        and rows(url, "select count(*) from supabase_migrations.clarivum_unfinished") == [(0,)]
    )


def killed_at(project: Project, servers: ServersForTests, at: int) -> bool:
    """Kill a push instead of its statement `at`, push again; False when it has no such statement."""
    with servers.database(18, migrated=False) as urls, tempfile.TemporaryDirectory() as folder:
        process: subprocess.Popen[str] | None = None

        def kill() -> None:
            assert process is not None
            process.send_signal(signal.SIGKILL)
            process.wait(DEADLINE_S)

        proxy = CuttingProxy(Path(folder), urls.admin, at, kill)
        try:
            process = pushing(project, proxy.url)
            process.communicate(timeout=DEADLINE_S)
        finally:
            proxy.close()
        was_killed = process.returncode == -signal.SIGKILL
        assert was_killed or process.returncode == 0
        assert push(urls.admin, project.migrations, pace=Pace(deployer_patience_s=20.0)) or not was_killed
        assert is_complete(project, urls.admin), at
        return was_killed


@pytest.fixture
def filled(project: Project) -> Project:
    for text in FILES:
        project.add(text)
    return project


def test_a_push_killed_at_its_statements_converges(filled: Project, postgres_servers: ServersForTests) -> None:
    postgres_servers.server(18)  # started once, before the threads ask for it
    points = range(1, LAST, STEP)
    with ThreadPoolExecutor(WORKERS) as pool:
        outcomes = list(pool.map(lambda at: killed_at(filled, postgres_servers, at), points))
    assert outcomes == sorted(outcomes, reverse=True)
    assert sum(outcomes) >= 5
    assert not outcomes[-1]  # the last point lies behind the end: every stretch of the push was cut


def test_ten_pushes_at_once_apply_once(filled: Project, empty_database_urls: DatabaseUrls) -> None:
    processes = [pushing(filled, empty_database_urls.admin) for _ in range(10)]
    told = [applied(process) for process in processes]
    assert sorted(told, key=len) == [[]] * 9 + [["m1", "m2", "m3", "m4"]]
    assert is_complete(filled, empty_database_urls.admin)
