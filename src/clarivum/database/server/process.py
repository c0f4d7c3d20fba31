"""The postmaster as a child process: launched, attended until it ends, stopped in steps."""

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from clarivum.database.server import pidfile as server_pidfile
from clarivum.errors import DependencyDownError

POLL_S = 0.005
READY = frozenset({"ready", "standby"})
LOG_KEEP_BYTES = 10 * 1024 * 1024
LOG_QUOTE_BYTES = 2_000


class Postmaster:
    """One run of a server.

    A thread of its own forks and reaps it: PR_SET_PDEATHSIG watches the *thread* that forked, which must therefore live
    as long as this process or the postmaster, whichever ends first.
    """

    def __init__(self, command: Sequence[str], cluster: Path, log: Path) -> None:
        """Start the process. Raises OSError when the command cannot be run or the log not written."""
        self._command = list(command)
        self._cluster = cluster
        self._log = log
        self._log_start = _rotate(log)
        self._forked = threading.Event()
        self._exited = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        threading.Thread(target=self._attend, name=f"postmaster of {cluster.name}", daemon=True).start()
        self._forked.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return not self._exited.is_set()

    def wait_ready(self, timeout_s: float) -> None:
        """Return when connections are accepted. Raises DependencyDownError, quoting what the server logged."""
        for _ in range(max(1, round(timeout_s / POLL_S))):
            file = server_pidfile.read(self._cluster)
            if file is not None and file.pid == self.pid and file.status in READY:
                return
            if self._exited.wait(POLL_S):
                raise DependencyDownError(f"Postgres did not start:\n{self._said()}")
        raise DependencyDownError(f"Postgres was not ready after {timeout_s:g} s:\n{self._said()}")

    def stop(self, steps: Sequence[server_pidfile.StopStep]) -> None:
        """Send each step's signal and wait as long as it grants, until the process has ended."""
        for number, patience_s in steps:
            if self._process is None or self._exited.is_set():
                return
            self._process.send_signal(number)
            self._exited.wait(patience_s)

    def _attend(self) -> None:
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    # Ctrl-C goes to the foreground group; the server is stopped by its owner, after those who use it.
                    start_new_session=True,
                )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._forked.set()
        self._process.wait()
        self._exited.set()

    def _said(self) -> str:
        with self._log.open("rb") as file:
            file.seek(max(self._log_start, self._log.stat().st_size - LOG_QUOTE_BYTES))
            return file.read().decode(errors="replace").strip()


def _rotate(log: Path) -> int:
    """Set a long log aside; the size of what the coming run appends to, in bytes."""
    size_bytes = log.stat().st_size if log.exists() else 0
    if size_bytes <= LOG_KEEP_BYTES:
        return size_bytes
    log.replace(log.with_name(f"{log.name}.1"))
    return 0
