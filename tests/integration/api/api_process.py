"""The API as it is in production, in a thread of the test: our protocol under uvicorn on uvloop, a real Postgres."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from clarivum.api.http.limits import Limits
from clarivum.api.server import build_app, server_config
from clarivum.auth import TokenVerifier
from clarivum.auth.standin.issuing import StandIn
from clarivum.settings import Settings
from tests.integration.api.sample import application


@dataclass
class RunningApi:
    """A listening API. `client` keeps its connections; `raw` is one connection without a client library in between."""

    port: int
    client: httpx.Client
    stand_in: StandIn
    server: uvicorn.Server

    def token(self, subject: str = "auth0|alice", *roles: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.stand_in.issue(subject, roles)}"}

    def connect(self, timeout_s: float = 15) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)

    def raw(self, request: bytes, timeout_s: float = 15) -> bytes:
        """Everything that comes back until the server closes."""
        with closing(self.connect(timeout_s)) as connection:
            connection.sendall(request)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            return received
        if not part:
            return received
        received += part


def problem_in(response: bytes) -> dict[str, Any]:
    """The problem document of a raw response."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head, response
    document: dict[str, Any] = json.loads(body)
    return document


@contextmanager
def running_api(url: str, data: Path, limits: Limits | None = None, **settings: str) -> Iterator[RunningApi]:
    """Serve the sample application over the database at `url`; `settings` are environment variables."""
    loaded = Settings.load({"DATABASE_URL": url, "CLARIVUM_LOG_LEVEL": "error", **settings})
    stand_in = StandIn(loaded, data)

    async def fetch(_url: str) -> bytes:
        return json.dumps(stand_in.key_set()).encode()

    app = build_app(application, loaded, verifier=TokenVerifier(loaded, fetch=fetch))
    listener = socket.create_server(("127.0.0.1", 0))
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Server(server_config(app, loaded, limits))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert started.wait(20), app.failure
    port = listener.getsockname()[1]
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, limits=limits, trust_env=False) as client:
        try:
            yield RunningApi(port, client, stand_in, server)
        finally:
            client.close()
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
