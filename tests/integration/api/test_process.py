"""`serve` as a process of its own: start, several workers, signals, and what keeps it from starting."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from clarivum.errors import Exit
from clarivum.testing.ports import free_port
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.waiting import until

PROJECT = Path(__file__).resolve().parents[3]
PROGRAM = """
import os, sys
from clarivum.api.server import serve
from clarivum.errors import ClarivumError
from clarivum.settings import Settings
from tests.integration.api.sample import application
try:
    serve(application, Settings.load(os.environ), workers=int(sys.argv[1]))
except ClarivumError as error:
    print(type(error).__name__, error.detail, flush=True)
    sys.exit(error.code.exit)
"""


@contextmanager
def serving(url: str, port: int, workers: int = 1) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "DATABASE_URL": url, "CLARIVUM_PORT": str(port), "CLARIVUM_LOG_LEVEL": "error"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(workers)],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ready(port: int, process: subprocess.Popen[str]) -> None:
    def answers() -> bool:
        assert process.poll() is None, process.communicate()
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
        return False

    until(answers, within_s=30)


def sleeping(urls: DatabaseUrls) -> bool:
    with psycopg.connect(urls.admin) as admin:
        row = admin.execute(
            "select exists (select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database())"
        ).fetchone()
    return row == (True,)


@pytest.mark.parametrize(("workers", "signum"), [(2, signal.SIGTERM), (1, signal.SIGINT)])
def test_a_signal_ends_it_after_the_last_answer(
    sample_urls: DatabaseUrls, workers: int, signum: signal.Signals
) -> None:
    port = free_port()
    with serving(sample_urls.app, port, workers) as process:
        ready(port, process)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"GET /pause?seconds=1 HTTP/1.1\r\nhost: x\r\n\r\n")
            until(lambda: sleeping(sample_urls))
            process.send_signal(signum)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert process.wait(timeout=15) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)


def test_workers_share_the_port_and_end_together(sample_urls: DatabaseUrls) -> None:
    port = free_port()
    with serving(sample_urls.app, port, 2) as process:
        ready(port, process)
        workers = psutil.Process(process.pid).children()
        assert len(workers) == 2
        workers[0].send_signal(signal.SIGKILL)
        assert process.wait(timeout=15) not in (0, None)
        assert not any(worker.is_running() for worker in workers)


def test_whichever_worker_is_asked_shows_the_metrics_of_all(sample_urls: DatabaseUrls) -> None:
    port = free_port()

    def processes_shown() -> set[str]:
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        return set(re.findall(r'clarivum_process="(\d+)"', page))

    with serving(sample_urls.app, port, 2) as process:
        ready(port, process)
        workers = {str(worker.pid) for worker in psutil.Process(process.pid).children()}
        until(lambda: processes_shown() == workers, within_s=20)


def test_a_port_that_is_taken_is_a_matter_of_configuration(sample_urls: DatabaseUrls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        with serving(sample_urls.app, port) as process:
            said, _ = process.communicate(timeout=30)
    assert process.returncode == Exit.CONFIGURATION
    assert said.startswith("ConfigurationError CLARIVUM_HOST and CLARIVUM_PORT: ")


def test_without_its_database_it_does_not_start_and_says_no_password() -> None:
    url = f"postgresql://clarivum_api:s3cret@127.0.0.1:{free_port()}/postgres"
    with serving(url, free_port()) as process:
        started = time.monotonic()
        said, _ = process.communicate(timeout=30)
        assert time.monotonic() - started < 10
    assert process.returncode == Exit.DEPENDENCY_DOWN
    assert "DependencyDownError " in said
    assert "s3cret" not in said


def test_a_login_that_bypasses_policies_does_not_serve(sample_urls: DatabaseUrls) -> None:
    with serving(sample_urls.admin, free_port()) as process:
        said, _ = process.communicate(timeout=30)
    assert process.returncode == Exit.CONFIGURATION
    assert "row-level security" in said
