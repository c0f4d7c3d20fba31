"""Lambda's Runtime API on loopback, and a function behind it: AWS's own runtime client in a real process.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.integration.jobs.conftest import ROOT

ARN = "arn:aws:lambda:eu-central-1:000000000000:function:drill"


class FunctionError(Exception):
    """What the function, or Lambda for it, answered instead of a result."""


class RuntimeApi:
    """One execution environment. `invoke` gives it an event; it is ended at its deadline, as Lambda does."""

    def __init__(self, handler: str, environ: dict[str, str], log_path: Path) -> None:
        self._invocations: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._request_handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.log_path = log_path
        own = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}", "_HANDLER": handler}
        left_out = ("AWS_", "OTEL_", "CLARIVUM_", "DATABASE_URL")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", handler], cwd=ROOT, env={**inherited, **environ, **own},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def invoke(self, event: object, timeout_s: float = 30.0) -> Any:
        """The function's result. Raises FunctionError: what it raised, that it exited, or was ended at its deadline."""
        deadline = time.monotonic() + timeout_s
        request = (f"request-{time.monotonic_ns()}", json.dumps(event).encode(), int((time.time() + timeout_s) * 1_000))
        self._invocations.put(request)
        while True:
            try:
                outcome, body = self._answers.get(timeout=0.02)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise FunctionError(f"Runtime.ExitError: exit {self.process.returncode}") from None
                if time.monotonic() > deadline:
                    self.process.kill()
                    self.process.wait()
                    raise FunctionError(f"Task timed out after {timeout_s:.2f} seconds") from None
                continue
            if outcome == "response":
                return body
            raise FunctionError(f"{body['errorType']}: {body['errorMessage']}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _request_handler(api) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                request_id, body, deadline_ms = api._invocations.get()
                headers = {"Request-Id": request_id, "Deadline-Ms": str(deadline_ms)}
                named = {
                    f"Lambda-Runtime-{'Aws-' * (name == 'Request-Id')}{name}": text for name, text in headers.items()
                }
                self._answer(200, body, {**named, "Lambda-Runtime-Invoked-Function-Arn": ARN})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(202, b"{}", {})
                api._answers.put((self.path.rpartition("/")[2], json.loads(body)))

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, text in {**headers, "Content-Type": "application/json"}.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler
