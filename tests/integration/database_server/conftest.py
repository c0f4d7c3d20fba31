"""A process of its own that owns an embedded server, so that it can be killed."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from clarivum.database.server import launch as server_launch
from clarivum.database.server.binaries import locate
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.database.server.home import prepare_home
from clarivum.database.server.process import Postmaster
from clarivum.database.server.settings import arguments
from clarivum.testing.postgres import scratch_place

SERVE = Path(__file__).with_name("serve.py")
DEADLINE_S = 30.0


@pytest.fixture
def data() -> Iterator[Path]:
    """Not there yet; in memory where there is room: what is tested here is not the disk."""
    with tempfile.TemporaryDirectory(prefix="clarivum-server-", dir=scratch_place()) as directory:
        yield Path(directory) / "data"


@pytest.fixture(scope="session")
def stopped_servers() -> Iterator[Callable[[int], Path]]:
    """By version, the directory of a stopped server with one row, made once; to be copied."""
    with tempfile.TemporaryDirectory(prefix="clarivum-server-", dir=scratch_place()) as directory:
        made: dict[int, Path] = {}

        def of(version: int) -> Path:
            if version not in made:
                made[version] = Path(directory) / str(version)
                with (
                    EmbeddedServer(made[version], version) as server,
                    psycopg.connect(server.admin_url(), autocommit=True) as connection,
                ):
                    connection.execute("create table kept as select 1 as n")
            return made[version]

        yield of


@pytest.fixture
def used_data(data: Path, stopped_servers: Callable[[int], Path], postgres_version: int) -> Path:
    """A directory that holds a stopped server, whose table `kept` has one row."""
    subprocess.run(["cp", "-a", str(stopped_servers(postgres_version)), str(data)], check=True)
    return data


class Owner:
    """The process that runs serve.py, and what it said about its server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "serve.py ended without a word"
        self.facts: dict[str, Any] = json.loads(line)

    def close(self) -> None:
        """End its standard input: it stops its server and exits."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=DEADLINE_S)


@contextmanager
def owner(data: Path, version: int = 18, *more: str, uid: int | None = None) -> Iterator[Owner]:
    """Run serve.py; as `uid` it may still read the repository, which may lie in a closed directory."""
    command = [sys.executable, str(SERVE), str(data), str(version), *more]
    if uid is not None:
        launch = [sys.executable, "-I", "-S", server_launch.__file__, "0", str(uid), str(uid), "2"]
        command = [*launch, *command]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    try:
        yield Owner(process)
    finally:
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()
        try:
            process.wait(timeout=DEADLINE_S)
        finally:
            process.kill()
            assert process.stdout is not None
            process.stdout.close()


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for counts."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def left_behind(data: Path) -> Postmaster:
    """A server on the directory that no living process owns, as where the kernel knows no parent-death signal."""
    home = prepare_home(data, "postgres-18", locate(18))
    settings = arguments(18, port=1, socket_directory=str(home.make_socket_directory()), options={}, listen="")
    postmaster = Postmaster(
        home.command("postgres", "-D", str(home.cluster), *settings), home.cluster, data / "left.log"
    )
    postmaster.wait_ready(30)
    return postmaster
