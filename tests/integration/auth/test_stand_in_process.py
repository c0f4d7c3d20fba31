"""The stand-in as the process that `up` starts: real sockets, real signals, and tokens issued from beside it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clarivum.auth import TokenVerifier
from clarivum.auth.standin import DEVELOPMENT_GRANT, StandIn, run, serve
from clarivum.errors import ConfigurationError
from clarivum.settings import Settings
from clarivum.testing.ports import free_port

SERVE = "import os, sys, pathlib; from clarivum.settings import Settings; from clarivum.auth.standin import serve; "
SERVE += "serve(Settings.load(os.environ), pathlib.Path(sys.argv[1]))"
START_TIMEOUT_S = 30.0


def environment(port: int) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "CLARIVUM_IDENTITY_URL": f"http://127.0.0.1:{port}/"}


@contextlib.contextmanager
def process(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-c", SERVE, str(data)]
    child = subprocess.Popen(arguments, env=environment(port), stderr=subprocess.PIPE, text=True)
    try:
        wait_until_it_answers(child, port)
        yield child
    finally:
        child.kill()
        child.communicate()


def wait_until_it_answers(child: subprocess.Popen[str], port: int) -> None:
    async def connect() -> None:
        async with asyncio.timeout(START_TIMEOUT_S):
            while child.poll() is None:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(f"the stand-in ended with {child.returncode}: {child.stderr and child.stderr.read()}")

    asyncio.run(connect())


def test_a_token_issued_beside_it_is_believed_by_its_keys(tmp_path: Path) -> None:
    """What `clarivum token` does, while `up` runs: the same key file, another process."""
    port = free_port()
    settings = Settings.load({"CLARIVUM_IDENTITY_URL": f"http://127.0.0.1:{port}/"})
    with process(tmp_path, port):
        token = StandIn(settings, tmp_path).issue("auth0|alice", ["member"], "alice@example.com", 3_600)
        principal = asyncio.run(TokenVerifier(settings).verify(token))
    assert (principal.subject, principal.roles, principal.email) == ("auth0|alice", {"member"}, "alice@example.com")


def test_tokens_over_http(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings.load({"CLARIVUM_IDENTITY_URL": f"http://127.0.0.1:{port}/"})
    with process(tmp_path, port):
        metadata = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/openid-configuration"))
        form = f"grant_type={DEVELOPMENT_GRANT}&sub=auth0%7Cbob&role=editor".encode()
        answer = json.load(urllib.request.urlopen(metadata["token_endpoint"], data=form))
        principal = asyncio.run(TokenVerifier(settings).verify(answer["access_token"]))
    assert (principal.subject, principal.roles) == ("auth0|bob", {"editor"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quietly_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path, free_port()) as child:
        child.send_signal(number)
        _, errors = child.communicate(timeout=10)
    assert (child.returncode, errors) == (0, "")


def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    port = free_port()
    with process(tmp_path, port) as child:
        listening = [c.laddr for c in psutil.Process(child.pid).net_connections("inet") if c.status == "LISTEN"]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", port)]


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    script = "import pathlib, sys; from clarivum.auth.standin.key_file import load_or_create_key; "
    script += "print(load_or_create_key(pathlib.Path(sys.argv[1])).kid)"
    arguments = [sys.executable, "-c", script, str(tmp_path / "data" / "key.pem")]
    children = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    names = {child.communicate(timeout=60)[0] for child in children}
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    assert len(names) == 1
    assert os.listdir(tmp_path / "data") == ["key.pem"]


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stand_in = StandIn(Settings.load({"CLARIVUM_IDENTITY_URL": f"http://127.0.0.1:{port}/"}), tmp_path)
        with pytest.raises(ConfigurationError, match=f"CLARIVUM_IDENTITY_URL: 127.0.0.1:{port}"):
            await run(stand_in, stop=asyncio.Event())


def test_another_port_than_the_issuers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="another issuer"):
        serve(Settings.load({"CLARIVUM_IDENTITY_URL": "http://127.0.0.1:8001/"}), tmp_path, 8002)


async def test_it_stops_when_asked_inside_a_process(tmp_path: Path) -> None:
    port = free_port()
    stand_in = StandIn(Settings.load({"CLARIVUM_IDENTITY_URL": f"http://127.0.0.1:{port}/"}), tmp_path)
    stop, started = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(10):
        running = asyncio.create_task(run(stand_in, stop=stop, started=started.set))
        await started.wait()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        stop.set()
        await running
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
