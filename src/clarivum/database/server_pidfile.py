"""postmaster.pid: who serves a data directory, whether that is still true, and how to end what was left behind.

Lines of the file (src/include/utils/pidfile.h): pid, data directory, start time (epoch seconds), port, socket directory,
listen address, shared memory key, status (`starting`, `stopping`, `ready`, `standby`, padded with spaces).
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

FILE = "postmaster.pid"
POLL_S = 0.005
STOP_STEPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Fast shutdown, immediate shutdown, the end; each with the seconds it is given."""


@dataclass(frozen=True, slots=True)
class PidFile:
    """What postmaster.pid says. Fields not written yet are empty or 0."""

    pid: int
    data: str
    port: int
    socket_directory: str
    status: str


def parse(text: str) -> PidFile | None:
    """None when the file is empty or cut short before its pid and directory (a crash while it was written)."""
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) < 2 or not lines[0].lstrip("-").isdigit():
        return None
    lines += [""] * (8 - len(lines))
    return PidFile(
        pid=abs(int(lines[0])),
        data=lines[1],
        port=int(lines[3]) if lines[3].isdigit() else 0,
        socket_directory=lines[4],
        status=lines[7],
    )


def read(data: Path) -> PidFile | None:
    try:
        return parse((data / FILE).read_text(encoding="utf-8", errors="replace"))
    except (FileNotFoundError, NotADirectoryError):
        return None


def leftover_processes(data: Path) -> list[psutil.Process]:
    """Postgres processes that still work in the data directory, the postmaster first if it lives.

    Every Postgres process makes the data directory its working directory; a reused pid does not share it. Backends whose
    postmaster was killed end by themselves, but only when their statement ends.
    """
    processes = [process for process in psutil.process_iter() if _serves(process, data)]
    pids = {process.pid for process in processes}
    return sorted(processes, key=lambda process: (_parent(process) in pids, process.pid))


def stop_leftovers(data: Path, clock: Callable[[], float] = time.monotonic) -> list[int]:
    """End every Postgres process of the data directory and remove a stale postmaster.pid.

    Returns the pids that were ended. The caller holds the directory's lock, so no living process owns the server.
    """
    ended = [process.pid for process in leftover_processes(data)]
    for number, patience_s in STOP_STEPS:
        processes = leftover_processes(data)
        if not processes:
            break
        # The postmaster passes a shutdown on to its children; SIGKILL, and a lost postmaster, reach only whom they are sent to.
        orphaned = read(data) is None or processes[0].pid != _pid(data)
        for process in processes if orphaned or number == signal.SIGKILL else processes[:1]:
            _signal(process, number)
        deadline = clock() + patience_s
        while leftover_processes(data) and clock() < deadline:
            time.sleep(POLL_S)
    (data / FILE).unlink(missing_ok=True)
    return ended


def _pid(data: Path) -> int:
    found = read(data)
    return found.pid if found else 0


def _serves(process: psutil.Process, data: Path) -> bool:
    try:
        return (
            process.name() == "postgres"
            and process.status() != psutil.STATUS_ZOMBIE
            and os.path.samefile(process.cwd(), data)
        )
    except (psutil.Error, OSError):
        return False


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return
