"""The parts that `up` runs: what happens when one of them ends by itself."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from clarivum.cli.backend import WORKER, Backend, Options
from clarivum.cli.processes import Child
from clarivum.cli.steps import Steps
from clarivum.errors import DependencyDownError
from clarivum.jobs.worker import watchdog
from clarivum.settings import Settings


def ended(folder: Path, name: str, code: int) -> Child:
    """A part that wrote a line and ended with `code`; started again, it prints the version."""
    log = folder / f"{name}.log"
    log.write_text("the first one's last words\n")
    process = subprocess.Popen([sys.executable, "-c", f"import os; os._exit({code})"])
    process.wait()
    return Child(name, process, log, ["--version"], os.environ)


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    options = Options(port=1, data=tmp_path, reset=False, confirmed=False, postgres=18)
    return Backend(Settings.load({}), options, Steps(), ExitStack())


def test_a_worker_whose_watchdog_gave_up_is_started_again(backend: Backend, tmp_path: Path) -> None:
    worker = ended(tmp_path, WORKER, watchdog.EXIT_CODE)
    first = worker.process.pid
    backend.children.append(worker)
    backend.check()
    assert worker.process.wait(30) == 0
    assert worker.process.pid != first
    words, version = worker.log.read_text().splitlines()
    assert words == "the first one's last words"
    assert version.startswith("clarivum ")


@pytest.mark.parametrize(("name", "code"), [(WORKER, 1), (WORKER, 0), ("api", watchdog.EXIT_CODE)])
def test_any_other_end_stops_the_rest(backend: Backend, tmp_path: Path, name: str, code: int) -> None:
    backend.children.append(ended(tmp_path, name, code))
    with pytest.raises(DependencyDownError, match=f"{name} ended with {code}"):
        backend.check()
