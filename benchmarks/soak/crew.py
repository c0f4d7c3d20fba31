"""The processes of a soak: workers and a producer, started, told, killed, frozen, replaced."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.identity import own_environ

ROOT = Path(__file__).resolve().parents[2]
TAIL_CHARACTERS = 2_000


@dataclass(eq=False)
class Member:
    """One process. `heard`: the lines it wrote and nobody took yet."""

    role: str
    process: "subprocess.Popen[str]"
    log: Path
    heard: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    working: bool = False
    """Whether its first handler has begun."""
    doomed_by: float | None = None
    """It was told to end itself; when to kill it from outside instead, on `time.monotonic()`."""
    hook: str | None = None
    """Where it was told to end itself."""
    frozen_until: float | None = None

    @property
    def at_work(self) -> bool:
        """Whether a fault would hit work in progress."""
        return self.working and self.doomed_by is None and self.frozen_until is None

    def say(self, line: str) -> bool:
        """Whether it could still hear it."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def send(self, number: int) -> None:
        """A signal, unless it ended meanwhile."""
        self.process.send_signal(number)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-TAIL_CHARACTERS:].strip()


class Crew:
    """Everyone who is alive. `end` leaves nobody."""

    def __init__(self, url: str, folder: Path) -> None:
        self._environ = {**own_environ(), "SOAK_URL": url, "SOAK_PID": str(os.getpid()), "OTEL_SDK_DISABLED": "true"}
        self._folder = folder
        self._started = 0
        self.members: list[Member] = []

    def start(self, role: str) -> Member:
        """Start a worker or a producer; it is at work a second later."""
        self._started += 1
        log = self._folder / f"{role}-{self._started}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.soak.member", role],
                cwd=ROOT, env=self._environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                start_new_session=True,
            )  # fmt: skip
        member = Member(role, process, log)
        threading.Thread(target=_hear, args=(member,), daemon=True).start()
        self.members.append(member)
        return member

    def who(self, role: str, wanted: Callable[[Member], bool] = lambda member: True) -> list[Member]:
        return [member for member in self.members if member.role == role and wanted(member)]

    def reap(self) -> list[Member]:
        """Who has ended since the last time."""
        ended = [member for member in self.members if member.process.poll() is not None]
        for member in ended:
            self.members.remove(member)
            _close(member)
        return ended

    def end(self) -> None:
        """Kill everyone and wait for them; frozen ones too."""
        for member in self.members:
            member.send(signal.SIGKILL)
        for member in self.members:
            member.process.wait()
            _close(member)
        self.members.clear()


def _hear(member: Member) -> None:
    assert member.process.stdout is not None
    for line in member.process.stdout:
        member.heard.put(line.strip())


def _close(member: Member) -> None:
    assert member.process.stdin is not None
    with suppress(OSError):  # what was never read went with the process
        member.process.stdin.close()
