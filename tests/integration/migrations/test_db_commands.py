"""The `db` commands as a user runs them: what they print, what they change, how they end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bff.app import application
from clarivum.testing.postgres import DatabaseUrls

from .conftest import ROOT, Clarivum, Project, execute, rows

UNREACHABLE = "postgresql://postgres:secret-word@127.0.0.1:1/postgres"
READY = re.compile(r"psql '(?P<url>[^']+)'")
FIRST = (
    "create table first (n bigint primary key);\n"
    "alter table first enable row level security, force row level security;\n"
    "create policy first_read on first for select using (true);\n"
)
TABLES = "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"


def test_new_push_and_status_from_an_empty_folder(
    project: Project, clarivum: Clarivum, empty_database_urls: DatabaseUrls
) -> None:
    here, settings = ("--workdir", str(project.path)), {"DATABASE_URL": empty_database_urls.admin}
    assert clarivum("db", "new", "first_table", *here).returncode == 0
    (path,) = project.migrations.iterdir()
    assert re.fullmatch(r"[0-9]{14}_first_table\.sql", path.name)
    refused = clarivum("db", "push", *here, **settings)
    assert refused.returncode == 4
    assert f"{path}:1: the file holds no statement" in refused.stderr

    path.write_text(FIRST)
    behind = clarivum("db", "status", *here, **settings)
    assert behind.returncode == 1
    assert "pending" in behind.stdout
    dry = clarivum("db", "push", "--dry-run", *here, **settings)
    assert dry.returncode == 0
    assert "1 migration would be applied" in dry.stdout
    assert rows(empty_database_urls.admin, TABLES) == []

    pushed = clarivum("db", "push", *here, **settings)
    assert pushed.returncode == 0
    assert f"✓ 1/1  {path.stem}" in pushed.stdout
    assert "1 migration applied to postgresql://postgres:***@" in pushed.stdout
    assert f"… 1/1  {path.stem}" in pushed.stderr
    answer = json.loads(clarivum("db", "status", "--format", "json", *here, **settings).stdout)
    assert answer["in_step"] is True
    assert answer["migrations"] == [{"version": path.name[:14], "name": "first_table", "state": "applied"}]
    assert json.loads(clarivum("db", "push", "--format", "json", *here, **settings).stdout)["applied"] == []


def test_an_edited_file_is_named_by_status_and_stops_a_push(
    our_project: Project, clarivum: Clarivum, database_urls: DatabaseUrls
) -> None:
    here, settings = ("--workdir", str(our_project.path)), {"DATABASE_URL": database_urls.admin}
    path = next(our_project.migrations.glob("*_leads.sql"))
    path.write_text(path.read_text() + "create table smuggled (n int);\n")
    told = clarivum("db", "status", *here, **settings)
    assert told.returncode == 1
    assert re.search(r"✗ \d{14}  leads +edited after it was applied", told.stdout)
    refused = clarivum("db", "push", *here, **settings)
    assert refused.returncode == 4
    assert "edited after it was applied" in refused.stderr
    assert rows(database_urls.admin, "select to_regclass('smuggled')::text") == [(None,)]


def test_a_push_to_a_bare_server_can_bring_baseline_and_seed(
    clarivum: Clarivum, empty_database_urls: DatabaseUrls
) -> None:
    pushed = clarivum("db", "push", "--include-baseline", "--include-seed", DATABASE_URL=empty_database_urls.admin)
    assert pushed.returncode == 0, pushed.stderr
    assert "statement of the seed run" in pushed.stdout
    assert rows(empty_database_urls.admin, "select count(*) > 0 from public.entitlements") == [(True,)]


def test_a_reset_asks_first_and_leaves_what_the_migrations_make(
    clarivum: Clarivum, database_urls: DatabaseUrls
) -> None:
    url = database_urls.admin
    execute(
        url,
        "create table public.scribble (n int)",
        "create schema scribbles",
        "create table scribbles.t (n int)",
        "insert into clarivum.schedules values ('leads.enrich', now())",
        "select pgmq.create('scribble')",
        "grant usage on schema public to clarivum_worker",
    )
    asked = clarivum("db", "reset", DATABASE_URL=url)
    assert asked.returncode == 4
    assert "this deletes every row in postgresql://postgres:***@" in asked.stderr
    assert ("scribble",) in rows(url, TABLES)

    done = clarivum("db", "reset", "--yes", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "applied to an empty database" in done.stdout
    assert ("scribble",) not in rows(url, TABLES)
    assert ("leads",) in rows(url, TABLES)
    assert rows(url, "select count(*) from clarivum.schedules") == [(0,)]
    assert rows(url, "select to_regnamespace('scribbles')::text, to_regclass('pgmq.q_scribble')::text") == [
        (None, None)
    ]
    queues = {name for (name,) in rows(url, "select queue_name::text from pgmq.meta")}
    assert queues == {job.queue for job in application.jobs.values()}
    assert rows(url, "select nspowner::regrole::text from pg_namespace where nspname = 'public'") == [
        ("pg_database_owner",)
    ]


def test_a_reset_meets_a_transaction_and_drops_nothing(clarivum: Clarivum, database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin) as blocker:
        blocker.execute("select * from public.leads")
        busy = clarivum("db", "reset", "--yes", DATABASE_URL=database_urls.admin)
    assert busy.returncode == 5
    assert "nothing was dropped" in busy.stderr
    assert ("leads",) in rows(database_urls.admin, TABLES)


def test_a_reset_is_refused_in_production(clarivum: Clarivum, database_urls: DatabaseUrls) -> None:
    production = clarivum(
        "db",
        "reset",
        "--yes",
        DATABASE_URL=database_urls.admin,
        CLARIVUM_ENVIRONMENT="production",
        AUTH0_DOMAIN="clarivum.eu.auth0.com",
    )
    assert production.returncode == 3
    assert "CLARIVUM_ENVIRONMENT says production" in production.stderr


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql://postgres:secret-word@127.0.0.1:{listener.getsockname()[1]}/postgres"


@pytest.mark.parametrize("command", ["push", "status", "reset", "drift"])
@pytest.mark.parametrize("kind", ["refuses", "silent"])
def test_a_server_that_does_not_answer_is_told_within_five_seconds(
    clarivum: Clarivum, silent: str, command: str, kind: str
) -> None:
    confirmed = ("--yes",) if command == "reset" else ()
    began = time.monotonic()
    clarivum("db", command, "--help")
    loaded = time.monotonic()
    down = clarivum("db", command, *confirmed, DATABASE_URL=silent if kind == "silent" else UNREACHABLE)
    assert time.monotonic() - loaded - (loaded - began) < 5, "beside what a busy machine takes to load a command"
    assert down.returncode == 5, down.stderr
    assert "postgres:***@" in down.stderr
    assert "secret-word" not in down.stderr + down.stdout


def test_bad_arguments_are_told_as_usage(clarivum: Clarivum, project: Project) -> None:
    named = clarivum("db", "new", "Add a phone number", "--workdir", str(project.path))
    assert named.returncode == 2
    assert "did you mean 'add_a_phone_number'?" in named.stderr
    (project.path / "owners.toml").write_text(
        '[teams.growth]\nperson = "lead"\nchannel = "#growth"\ndata_champion = "champion"\n'
    )
    whose = clarivum("db", "new", "phone", "--author", "grwth", "--workdir", str(project.path))
    assert whose.returncode == 2
    assert "--author 'grwth' is not a team of owners.toml; did you mean 'growth'?" in whose.stderr
    assert list(project.migrations.iterdir()) == []
    assert clarivum("db", "status", "--format", "sarif", DATABASE_URL=UNREACHABLE).returncode == 2
    assert clarivum("db", "diff", "-f", "two words").returncode == 2
    assert clarivum("db", "diff", "--postgres", "17").returncode == 2


@contextmanager
def serving(data: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`db serve` as a process, and the URL it prints for psql."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CLARIVUM_", "DATABASE_URL"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "clarivum", "db", "serve", "--data", str(data), *arguments],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    printed = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            printed += line
            if "Ctrl-C" in line:
                break
        ready = READY.search(printed)
        assert ready, printed
        yield process, ready["url"]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("version", [16, 18])
def test_serve_runs_the_database_alone_and_other_commands_find_it(
    tmp_path: Path, clarivum: Clarivum, version: int
) -> None:
    data = tmp_path / "data"
    with serving(data, "--postgres", str(version)) as (process, url):
        assert "@127.0.0.1:" in url
        assert rows(url, "select current_setting('server_version_num')::int / 10000") == [(version,)]
        assert rows(url, "select count(*) from pg_roles where rolname = 'clarivum_api'") == [(1,)]
        pushed = clarivum("db", "push", "--data", str(data))
        assert pushed.returncode == 0, pushed.stderr
        assert ("leads",) in rows(url, TABLES)
        second = clarivum("db", "serve", "--data", str(data), "--postgres", str(version))
        assert second.returncode == 4
        assert f"served by another process (pid {process.pid})" in second.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert not (data / "up.json").exists()
    gone = clarivum("db", "status", "--data", str(data))
    assert gone.returncode == 5
    assert "neither `up` nor `db serve` is running" in gone.stderr
