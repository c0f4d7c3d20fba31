"""AWS for tests: ministack and moto as real servers on loopback, started by whoever asks for one.

ministack (SQS, Lambda with event-source mappings, CloudFormation) and moto (SQS) keep everything in memory: a server
that is stopped has forgotten its queues. Both take any credentials.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from clarivum.testing.ports import free_port

Kind = Literal["ministack", "moto"]
HOST = "127.0.0.1"
REGION = "eu-central-1"
START_WITHIN_S = 20.0
STOP_WITHIN_S = 5.0
HEALTH = {"ministack": "/_ministack/health", "moto": "/moto-api/"}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


class AwsServer:
    """One server process on a free port. `start`, `stop` and again; `url` and `port` stay the same."""

    def __init__(self, kind: Kind = "ministack", port: int | None = None) -> None:
        self.kind: Kind = kind
        self.port = port or free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="clarivum-aws-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to use this server: AWS_ENDPOINT_URL, AWS_REGION and credentials."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
        }

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log_path(self) -> Path:
        return Path(self._folder.name) / "server.log"

    def client(self, service: str) -> Any:
        """A boto3 client of this server."""
        import boto3  # noqa: PLC0415 - 0.2 s, and not every user of this module asks for a client

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def start(self) -> None:
        """Return when it answers. Raises OSError when its port is taken, TimeoutError with the end of its log."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, self.port))
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), cwd=self._folder.name, env=self._environ(os.environ), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise TimeoutError(f"{self.kind} did not start:\n{self.log_path.read_text()[-2_000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, and what it started, such as Lambda's runtimes; everything it held is forgotten."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()

    def _command(self) -> list[str]:
        if self.kind == "ministack":
            return [sys.executable, "-m", "ministack"]
        return [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)]

    def _environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        own = {
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",  # its listeners would be on every interface
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "TMPDIR": self._folder.name,
            **CREDENTIALS,
        }
        left_out = ("AWS_", "OTEL_", "CLARIVUM_")
        return {name: value for name, value in environ.items() if not name.startswith(left_out)} | own

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", HEALTH[self.kind])
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True


@contextmanager
def aws_server(kind: Kind = "ministack") -> Iterator[AwsServer]:
    """A running server, stopped at the end of the block."""
    server = AwsServer(kind)
    try:
        server.start()
        yield server
    finally:
        server.close()
