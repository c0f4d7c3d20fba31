"""The processes that `up` starts: each in a session of its own, each ending when `up` does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clarivum.errors import DependencyDownError

LAST_LINES = 12


@dataclass(slots=True)
class Child:
    """One started process, how to start it again, and the file that its output goes to."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    arguments: Sequence[str]
    environment: Mapping[str, str]

    def start_again(self) -> None:
        """Another process in the place of one that has ended; its log goes on."""
        self.process = _spawn(self.arguments, self.environment, self.log, "ab")

    def check(self) -> None:
        """Raise DependencyDownError with the end of its log if the process has ended."""
        code = self.process.poll()
        if code is not None:
            ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
            raise DependencyDownError(f"{self.name} {ended}; the end of {self.log}:\n{_tail(self.log)}")

    def stop(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL to the whole session after `grace_s`."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start(name: str, arguments: Sequence[str], *, environment: Mapping[str, str], logs: Path) -> Child:
    """Start `clarivum ARGUMENTS` in the background, its output in `logs/NAME.log` (begun anew)."""
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    return Child(name, _spawn(arguments, environment, log, "wb"), log, arguments, environment)


def wait_until(ready: Callable[[], bool], children: Sequence[Child], timeout_s: float) -> None:
    """Ask `ready` every 20 ms until it holds. Raises DependencyDownError when a child ends or time is over."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            names = ", ".join(child.name for child in children)
            raise DependencyDownError(f"{names} did not become ready within {timeout_s:g} s; see {children[0].log}")
        time.sleep(0.02)


def _spawn(arguments: Sequence[str], environment: Mapping[str, str], log: Path, mode: str) -> "subprocess.Popen[bytes]":
    with log.open(mode) as output:
        return subprocess.Popen(
            [sys.executable, "-m", "clarivum", "--ends-with", str(os.getpid()), *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _tail(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "\n".join(f"    {line}" for line in lines)
