"""Processes of a measurement: started in a session of their own, waited for, stopped in any case; their CPU time."""

import ctypes
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from clarivum.errors import DependencyDownError

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1
READY_WITHIN_S = 20.0
STOP_WITHIN_S = 5.0
LOG_TAIL_CHARACTERS = 600


class NotReadyError(DependencyDownError):
    """A process ended, or did not answer in time. The text carries the end of its output."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started process and the file its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:].strip()


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, *, environ: Mapping[str, str], directory: Path
) -> Iterator[Running]:
    """Run `command` in a session of its own until the block ends; then SIGTERM, and SIGKILL after five seconds."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=directory,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, and nothing else forks here
        )
    try:
        yield Running(process, log)
    finally:
        stop(process)


def _end_with_parent() -> None:
    """Have the kernel end this process when the bench ends, even by SIGKILL (Linux)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(process: subprocess.Popen[Any]) -> None:
    """End the process and what it started, politely first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None or number is signal.SIGKILL:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            continue


def fetch(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """GET from loopback, whatever proxies the environment names. Raises OSError or http.client.HTTPException."""
    return _exchange("GET", port, path, headers or {}, None)


def post(port: int, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """POST to loopback; raises as `fetch` does."""
    return _exchange("POST", port, path, headers, body)


def _exchange(method: str, port: int, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_until_answering(started: Running, port: int, path: str = "/healthz") -> None:
    """Return once the process answers 200. Raises NotReadyError when it ends first or 20 s pass."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if (code := started.process.poll()) is not None:
            raise NotReadyError(f"ended with code {code} before it answered: {started.tail()}")
        try:
            if fetch(port, path)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    raise NotReadyError(f"no answer at {path} within {READY_WITHIN_S:.0f} s: {started.tail()}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its living descendants, and the descendants it has already waited for."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
