"""The guide's way to try SQS on one machine, as it stands there, up to `up`: for that a worker on a test database."""

import os
import re
import shlex
import subprocess
import sys
import time

from clarivum.testing.aws import AwsServer
from clarivum.testing.ports import free_port
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import ROOT

GUIDE = ROOT / "docs" / "guide" / "jobs.md"
LEAD = "4b26c077-f3d7-4f8e-8965-cb7b5290a68f"


def commands() -> list[str]:
    found = re.search(r"```sh\n(.*?ministack.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def test_what_the_guide_says(database_urls: DatabaseUrls) -> None:
    server, exports, credentials, queues, up = commands()
    assert up == "./clarivum up"
    port = str(free_port())
    started, environ = shlex.split(server.removesuffix("&")), dict(os.environ)
    environ |= dict(part.split("=", 1) for part in started[:-1])
    assert environ["BIND_HOST"] == "127.0.0.1"
    for line in (exports, credentials):
        environ |= dict(part.split("=", 1) for part in shlex.split(line.removeprefix("export ")))
    assert environ["AWS_ENDPOINT_URL"].endswith(environ["GATEWAY_PORT"])
    environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    environ["DATABASE_URL"] = database_urls.app
    aws = AwsServer("ministack", port=int(port))
    try:
        aws.start()
        assert " created" in clarivum(environ, *shlex.split(queues)[1:])
        run_id = clarivum(environ, "jobs", "enqueue", "leads.enrich", f'{{"lead_id": "{LEAD}"}}').strip()
        worker = subprocess.Popen([sys.executable, "-m", "clarivum", "jobs", "work"], cwd=ROOT, env=environ)
        try:
            deadline = time.monotonic() + 40
            # Until a worker has claimed it, SQS alone knows the run, and it cannot be shown.
            while "done" not in run(environ, "jobs", "show", run_id).stdout:
                assert time.monotonic() < deadline
        finally:
            worker.terminate()
            assert worker.wait(20) == 0
    finally:
        aws.close()


def run(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clarivum", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)


def clarivum(environ: dict[str, str], *arguments: str) -> str:
    done = run(environ, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
