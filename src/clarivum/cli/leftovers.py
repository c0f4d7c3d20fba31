"""What a killed `up` may have left running, noted in `up.pids` and ended by the next start."""

import contextlib
import json
from pathlib import Path

import psutil

PATIENCE_S = 5.0


def note(data: Path, pids: list[int]) -> None:
    """Write each process with the time it was created: a pid alone may meanwhile be somebody else's."""
    entries = {}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            entries[str(pid)] = psutil.Process(pid).create_time()
    _file(data).write_text(json.dumps(entries))


def end(data: Path) -> int:
    """End every noted process that still lives, and say how many there were."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        for pid, created in json.loads(_file(data).read_text()).items():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(pid))
                if process.create_time() == created:
                    found.append(process)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(found, timeout=PATIENCE_S)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _file(data).unlink(missing_ok=True)
    return len(found)


def _file(data: Path) -> Path:
    return data / "up.pids"
