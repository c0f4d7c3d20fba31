"""The real Supabase CLI, folders of migrations, and the command line as a process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from clarivum.database.schema.supabase_cli import SupabaseCli, find
from clarivum.testing.npm import install

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "tests" / "npm" / "supabase"
OURS = ("CLARIVUM_", "OTEL_", "AUTH0_", "DATABASE_URL", "SUPABASE_")
TIMEOUT_S = 100
DEADLINE_S = 30.0

Clarivum = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def supabase_bin() -> Path:
    """The folder of the real CLI's program, installed from its lock."""
    return install(PACKAGE) / "node_modules" / ".bin"


@pytest.fixture
def supabase(supabase_bin: Path) -> SupabaseCli:
    environ = {**os.environ, "PATH": f"{supabase_bin}{os.pathsep}{os.environ['PATH']}"}
    return SupabaseCli(find(Path("/nonexistent"), environ), environ)


@pytest.fixture
def clarivum(supabase_bin: Path) -> Clarivum:
    """Run `clarivum ARGUMENTS` with the variables given and none of the caller's; the Supabase CLI is on PATH."""
    path = f"{supabase_bin}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}

    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "clarivum", *arguments],
            cwd=ROOT,
            env={**inherited, "PATH": path, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


class Project:
    """A folder with `supabase/` in it, whose migrations are numbered as they are added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.supabase = path / "supabase"
        self.migrations = self.supabase / "migrations"
        self.migrations.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "supabase" / "config.toml", self.supabase / "config.toml")

    def add(self, text: str) -> Path:
        number = len(list(self.migrations.iterdir())) + 1
        path = self.migrations / f"{20261101000000 + number}_m{number}.sql"
        path.write_text(text)
        return path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def our_project(tmp_path: Path) -> Project:
    """A copy of the repository's own supabase/, to be changed."""
    shutil.copytree(ROOT / "supabase", tmp_path / "supabase")
    return Project(tmp_path)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
