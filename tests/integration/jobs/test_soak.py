"""`jobs soak` on a small scale: it passes on what we have, sees what it is there to see, and leaves nobody behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from benchmarks.soak.counting import count
from benchmarks.soak.declared import JOBS, WORLD
from clarivum.errors import Exit
from clarivum.jobs.transports.queues import ensure_queues
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import ROOT

SOAK = [sys.executable, "-m", "clarivum", "jobs", "soak"]


@pytest.mark.timeout(400)  # 15 s as a rule; a run whose worker was killed twice waits for two leases
def test_a_small_soak_loses_nothing_and_leaves_nobody(tmp_path: Path) -> None:
    report = tmp_path / "soak.md"
    options = ["--jobs", "120", "--kills", "4", "--restarts", "2", "--seed", "3", "--format", "json"]
    done = subprocess.run(
        [*SOAK, *options, "--report", str(report)], cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, timeout=360, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    counted = result["count"]
    assert (counted["effects"], counted["lost"], counted["twice"], counted["dead"]) == (120, 0, 0, 0)
    assert sum(result["killed"].values()) == 4
    assert result["injected"]["database restarted"] == result["recovered"]["values"] == 2
    assert "0 lost, 0 twice" in report.read_text()
    assert str(tmp_path) not in report.read_text()
    assert list(tmp_path.iterdir()) == [report]
    assert _of(tmp_path) == []


def test_interrupted_it_leaves_nobody(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    heard = signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite in the background ignores it, and so would the soak
    soak = subprocess.Popen([*SOAK, "--jobs", "5000"], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, heard)
    assert soak.stderr is not None
    while "jobs, " not in soak.stderr.readline():
        assert soak.poll() is None
    assert len(_of(tmp_path)) >= 6, "workers, producers, a server"
    soak.send_signal(signal.SIGINT)
    soak.communicate(timeout=30)
    assert soak.returncode not in {0, None}
    deadline = time.monotonic() + 10
    while _of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_it_sees_what_is_lost_and_what_is_twice(database_urls: DatabaseUrls) -> None:
    ensure_queues(database_urls.admin, JOBS)
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
        connection.execute("insert into soak_orders select generate_series(0, 9)")
        connection.execute(
            "insert into soak_effects (number, attempt) select number % 9, 1 from generate_series(0, 9) number"
        )
        found = count(connection, 10)
        assert (found.lost, found.twice, found.unequal, found.clean) == (1, 1, 1, False)
        connection.execute("delete from soak_effects where id = 10")
        connection.execute("insert into soak_effects (number, attempt) values (9, 2)")
        assert count(connection, 10).clean
        connection.execute("select pgmq.send('soak_single', '{}')")
        assert (count(connection, 10).left, count(connection, 10).clean) == (1, False)


def test_a_part_of_a_soak_is_not_kept() -> None:
    done = subprocess.run(
        [*SOAK, "--kills", "199", "--report", "docs/soak.md"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == Exit.USAGE
    assert "at least 20,000 jobs" in done.stderr


def _of(folder: Path) -> list[int]:
    """Processes that were started with this temporary folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
