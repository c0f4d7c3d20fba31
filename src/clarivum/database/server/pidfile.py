"""postmaster.pid: who serves a data directory, whether that is still true, and how to end what was left behind.

Lines of the file (src/include/utils/pidfile.h): pid, data directory, start time (epoch seconds), port, socket
directory, listen address, shared memory key, status (`starting`, `stopping`, `ready`, `standby`, padded with spaces).
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import psutil

from clarivum.errors import DependencyDownError

FILE = "postmaster.pid"
POLL_S = 0.005
StopStep: TypeAlias = tuple[signal.Signals, float]
"""A signal, and the seconds it is given to take effect."""
FAST: StopStep = (signal.SIGINT, 10.0)
IMMEDIATE: StopStep = (signal.SIGQUIT, 3.0)
KILL: StopStep = (signal.SIGKILL, 5.0)


@dataclass(frozen=True, slots=True)
class PidFile:
    """What postmaster.pid says. Fields not written yet are empty or 0."""

    pid: int
    data: str
    port: int
    socket_directory: str
    status: str


def parse(text: str) -> PidFile | None:
    """None when the file was cut short before its pid and directory (a crash while it was written)."""
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) < 2 or not lines[0].lstrip("-").isdigit():
        return None
    lines += [""] * (8 - len(lines))
    return PidFile(
        pid=abs(int(lines[0])),  # negative in single-user mode
        data=lines[1],
        port=int(lines[3]) if lines[3].isdigit() else 0,
        socket_directory=lines[4],
        status=lines[7],
    )


def read(cluster: Path) -> PidFile | None:
    try:
        return parse((cluster / FILE).read_text(encoding="utf-8", errors="replace"))
    except (FileNotFoundError, NotADirectoryError):
        return None


def stop_leftovers(cluster: Path) -> list[int]:
    """End every Postgres process of the data directory and remove a stale postmaster.pid; the pids that were ended.

    The caller holds the directory's lock, so nobody alive owns the server. Raises DependencyDownError when one will not
    end. A clean shutdown removes the file, so without it nothing can be left.
    """
    if not (cluster / FILE).exists():
        return []
    ended = [process.pid for process in processes_of(cluster)]
    for number, patience_s in (FAST, IMMEDIATE, KILL):
        processes = processes_of(cluster)
        if not processes:
            break
        orphans = processes[0].pid != _pid(cluster)
        if orphans and number == signal.SIGINT:
            continue  # a backend takes it as: cancel the statement
        # A living postmaster passes a shutdown on to its children; SIGKILL reaches only whom it is sent to.
        _signal(processes if orphans or number == signal.SIGKILL else processes[:1], number)
        _wait_gone(cluster, patience_s)
    if left := processes_of(cluster):
        raise DependencyDownError(f"a Postgres that an earlier run left behind does not end: pid {left[0].pid}")
    (cluster / FILE).unlink(missing_ok=True)
    return ended


def processes_of(cluster: Path) -> list[psutil.Process]:
    """Postgres processes that work in the data directory, the postmaster first if it lives.

    When the postmaster was killed, its backends end by themselves, but only with their current statement.
    """
    found = [process for process in psutil.process_iter() if _works_in(process, cluster)]
    return sorted(found, key=lambda process: (process.pid != _pid(cluster), process.pid))


def _works_in(process: psutil.Process, cluster: Path) -> bool:
    """Whether it is a Postgres process of this directory; a pid that was used again is not.

    Each one makes the data directory its working directory. Where that may not be read (root without CAP_SYS_PTRACE),
    the postmaster is known by its command line, its children by their parent.
    """
    try:
        if process.name() != "postgres" or process.status() == psutil.STATUS_ZOMBIE:
            return False
        try:
            return os.path.samefile(process.cwd(), cluster)
        except psutil.AccessDenied:
            parent = process.parent()
            return _names(process, cluster) or (parent is not None and _names(parent, cluster))
    except (psutil.Error, OSError):
        return False


def _names(process: psutil.Process, cluster: Path) -> bool:
    return str(cluster) in process.cmdline()


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _wait_gone(cluster: Path, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while processes_of(cluster) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _pid(cluster: Path) -> int:
    found = read(cluster)
    return found.pid if found else 0
