"""Several processes, one page: every process's lines under one head per metric."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from clarivum.telemetry.siblings import Siblings, merge

FIRST = b'# HELP a A.\n# TYPE a counter\na_total{p="1"} 1\n# HELP b B.\n# TYPE b gauge\nb{p="1"} 2\n'
SECOND = b'# HELP b B.\n# TYPE b gauge\nb{p="2"} 3\nb{p="2",x="# HELP "} 4\n# HELP c C.\n# TYPE c gauge\nc{p="2"} 5\n'

SIBLING = """
import os, pathlib, sys
from clarivum import telemetry
from clarivum.settings import Settings
telemetry.configure(Settings.load({}), role="api", metrics_directory=pathlib.Path(sys.argv[1]))
telemetry.http_server("GET", "/sibling").finish(200)
sys.stderr.write("ready\\n")
sys.stdin.readline()
sys.stderr.write(telemetry.render_prometheus().decode())
telemetry.shutdown()
"""


def test_merged_pages_hold_every_line_once_under_its_metric():
    merged = merge([FIRST, SECOND])
    assert merged == (
        b'# HELP a A.\n# TYPE a counter\na_total{p="1"} 1\n'
        b'# HELP b B.\n# TYPE b gauge\nb{p="1"} 2\nb{p="2"} 3\nb{p="2",x="# HELP "} 4\n'
        b'# HELP c C.\n# TYPE c gauge\nc{p="2"} 5\n'
    )
    assert merge([FIRST]) == FIRST
    assert merge([]) == b""


def test_each_process_shows_all_of_them(tmp_path: Path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SIBLING, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        assert [process.stderr.readline() for process in processes] == ["ready\n"] * 2
        _, page = processes[0].communicate("\n", timeout=30)
        (family,) = (
            each for each in text_string_to_metric_families(page) if each.name == "http_server_request_duration_seconds"
        )
        counts = {
            sample.labels["clarivum_process"]: sample.value
            for sample in family.samples
            if sample.name.endswith("_count")
        }
        assert counts == {str(process.pid): 1 for process in processes}
        assert not (tmp_path / f"{processes[0].pid}.sock").exists()
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_a_process_that_is_gone_or_stuck_is_left_out(tmp_path: Path):
    gone = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    gone.bind(str(tmp_path / "1.sock"))
    gone.close()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stuck:
        stuck.bind(str(tmp_path / "2.sock"))
        stuck.listen(1)
        siblings = Siblings(tmp_path, lambda: FIRST)
        assert siblings.page() == FIRST
        siblings.close()
    assert [path.name for path in tmp_path.iterdir()] == ["2.sock"]


def test_the_socket_of_an_earlier_process_with_this_id_is_replaced(tmp_path: Path):
    (tmp_path / f"{os.getpid()}.sock").touch()
    siblings = Siblings(tmp_path, lambda: FIRST)
    assert siblings.page() == FIRST
    siblings.close()
