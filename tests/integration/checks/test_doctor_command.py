"""`./clarivum doctor` as a process, with each dependency down, silent, unfit and well."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from clarivum.cli.place import Running
from clarivum.testing.ports import free_port
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.telemetry import Collector
from tests.integration.auth.local_issuer import local_issuer
from tests.integration.checks.commands import clarivum
from tests.unit.auth.forge import Forge

PASSWORD = "correct-horse-battery"


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[str]:
    """An HTTP server on loopback that answers every GET alike; yields its address with a final slash."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_database_that_is_down_is_named_within_five_seconds_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://app:{PASSWORD}@127.0.0.1:{free_port()}/clarivum"
    began = time.monotonic()
    ended = clarivum("doctor", "--data", str(tmp_path), DATABASE_URL=url)
    assert time.monotonic() - began < 5
    assert ended.returncode == 5
    assert "✗ database" in ended.stdout
    assert "postgresql://app:***@127.0.0.1" in ended.stdout
    assert "fix   start it, or correct DATABASE_URL" in ended.stdout
    assert PASSWORD not in ended.stdout + ended.stderr


def test_a_database_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://app:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/clarivum"
        began = time.monotonic()
        ended = clarivum("doctor", "--data", str(tmp_path), DATABASE_URL=url)
        assert time.monotonic() - began < 5
    assert ended.returncode == 5
    assert "✗ database" in ended.stdout
    assert PASSWORD not in ended.stdout + ended.stderr


def test_a_setting_that_cannot_be_used_ends_with_three_and_names_it(tmp_path: Path) -> None:
    ended = clarivum("doctor", "--data", str(tmp_path), CLARIVUM_PORT="eight", DATABASE_URL=f"mysql://u:{PASSWORD}@h/d")
    assert ended.returncode == 3
    assert "CLARIVUM_PORT" in ended.stdout
    assert "correct the named variable" in ended.stdout
    assert PASSWORD not in ended.stdout + ended.stderr
    assert "eight" not in ended.stdout


def test_a_login_that_bypasses_row_level_security_is_unfit(tmp_path: Path, database_urls: DatabaseUrls) -> None:
    ended = clarivum("doctor", "--data", str(tmp_path), DATABASE_URL=database_urls.admin)
    assert ended.returncode == 3
    assert "✗ database" in ended.stdout
    assert "row-level security would not hold" in ended.stdout


def test_all_is_well(tmp_path: Path, database_urls: DatabaseUrls) -> None:
    with local_issuer(Forge(RSAKey.generate_key(2_048))) as issuer, Collector() as collector:
        Running(os.getpid(), "http://127.0.0.1:1", issuer.url, database_urls.app, database_urls.admin).write(tmp_path)
        ended = clarivum(
            "doctor",
            "--format",
            "json",
            "--data",
            str(tmp_path),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
            OTEL_EXPORTER_OTLP_HEADERS=f"api-key={PASSWORD}",
        )
    document = json.loads(ended.stdout)
    assert ended.returncode == document["exit"] == 0
    assert {dependency["name"]: dependency["state"] for dependency in document["dependencies"]} == {
        "database": "ok",
        "issuer": "ok",
        "issuer keys": "ok",
        "collector": "ok",
    }
    settings = {setting["name"]: setting for setting in document["settings"]}
    assert settings["otlp_headers"]["value"] == "***"
    assert settings["otlp_headers"]["source"] == "OTEL_EXPORTER_OTLP_HEADERS"
    assert settings["port"] == {
        "name": "port",
        "variables": ["CLARIVUM_PORT", "PORT"],
        "source": "default",
        "value": "8000",
    }
    assert document["versions"]["clarivum"] == "0.1.0"
    assert document["versions"]["embedded Postgres 18"].startswith("18.")
    assert PASSWORD not in ended.stdout


@pytest.mark.parametrize(
    ("body", "status", "state", "exit"),
    [
        (b"<html>", 200, "down", 5),
        (b'{"keys": []}', 200, "unfit", 3),
        (b"{}", 503, "down", 5),
        (b"[1]", 200, "down", 5),
    ],
)
def test_an_issuer_that_answers_something_else_is_of_no_use(
    tmp_path: Path, body: bytes, status: int, state: str, exit: int
) -> None:
    with answering(body, status) as issuer:
        Running(os.getpid(), "http://127.0.0.1:1", issuer, f"postgresql://u@127.0.0.1:{free_port()}/d", "").write(
            tmp_path
        )
        ended = clarivum("doctor", "--format", "json", "--data", str(tmp_path))
    states = {each["name"]: each["state"] for each in json.loads(ended.stdout)["dependencies"]}
    assert ended.returncode == exit
    assert states["issuer"] == states["issuer keys"] == state


def test_nothing_configured_is_nothing_down(tmp_path: Path) -> None:
    ended = clarivum("doctor", "--data", str(tmp_path))
    assert ended.returncode == 0
    assert "./clarivum up starts the embedded one" in ended.stdout
    assert "3 dependencies, none failing" in ended.stdout
