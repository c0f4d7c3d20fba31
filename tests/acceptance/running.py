"""`./clarivum up` as a user starts it: a real process with everything below it."""

import json
import os
import re
import selectors
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from clarivum.auth.standin import StandIn
from clarivum.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 60.0


def free_port_pair() -> int:
    """A port P such that P and P + 1 are free on loopback."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return int(port)


@dataclass
class Up:
    """One `up`, of the repository or of a copy of it. `environment` is added to a clean one."""

    data: Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port_pair)
    root: Path = ROOT

    def __post_init__(self) -> None:
        self.printed = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Up":
        command = [
            str(self.root / "clarivum"),
            "up",
            "--port",
            str(self.port),
            "--data",
            str(self.data),
            *self.arguments,
        ]
        self.process = subprocess.Popen(
            command,
            cwd=self.root,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._read_until_ready()
        return self

    @property
    def env(self) -> dict[str, str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CLARIVUM_", "AUTH", "OTEL_", "DATABASE_URL", "SUPABASE_"))
        }
        return {**clean, **self.environment}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run another `./clarivum` command against this data folder."""
        done = subprocess.run(
            [str(self.root / "clarivum"), *arguments, "--data", str(self.data)],
            cwd=self.root, env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def token(self, subject: str = "auth0|alice", *roles: str) -> str:
        """What `./clarivum token` prints, without its start-up time (test_readme.py runs the command itself)."""
        settings = Settings.load({"CLARIVUM_IDENTITY_URL": f"http://127.0.0.1:{self.port + 1}/"})
        return StandIn(settings, self.data).issue(subject, roles or ("member",))

    def admin_url(self) -> str:
        """The superuser of the embedded database, as `up` notes it for other commands."""
        return str(json.loads((self.data / "up.json").read_text())["admin_url"])

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10)

    def descendants(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal `up`, read what it still prints, and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=40)
        self.printed += rest.decode(errors="replace")
        return self.process.returncode

    def _read_until_ready(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        deadline = time.monotonic() + READY_TIMEOUT_S
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not re.search(r"Ctrl-C stops everything", self.printed):
                selector.select(0.5)
                self.printed += (self.process.stdout.read() or b"").decode(errors="replace")
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise AssertionError(f"`up` did not become ready:\n{self.printed}")
        os.set_blocking(self.process.stdout.fileno(), True)
