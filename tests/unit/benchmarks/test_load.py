"""The load generator in Python, the prepared requests, and how a command is run."""

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.harness.load import ADDRESS, NUMBER, LoadError, http_request, run_timed
from benchmarks.harness.sockets import Connection, Requests, run
from benchmarks.jobs.programs import read_result
from benchmarks.request.targets import hits_in_metrics
from benchmarks.request.work import capture_requests, read_requests


class Answers(BaseHTTPRequestHandler):
    """Answers 200 to /ok and 503 to the rest, and remembers the bodies."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ok" else 503)
        self.send_header("Content-Length", "3000")
        self.end_headers()
        self.wfile.write(b"x" * 3_000)

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        """Silence."""


class Server(ThreadingHTTPServer):
    def handle_error(self, *_arguments: object) -> None:
        """A load ends in the middle of an answer; that is no failure."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Answers.bodies = []
    server = Server(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_answer_is_timed_and_refusals_are_errors(server: ThreadingHTTPServer) -> None:
    port = server.server_address[1]
    good = run(port, Requests([http_request("GET", "/ok", {})], 0), connections=3, seconds=0.2)
    assert good["requests"] > 0
    assert good["errors"] == 0
    assert 0 < good["p50_ms"] <= good["p99_ms"]
    bad = run(port, Requests([http_request("GET", "/busy", {})], 0), connections=1, seconds=0.1)
    assert bad["errors"] == bad["requests"] > 0


def test_every_numbered_request_is_another_one(server: ThreadingHTTPServer) -> None:
    requests = Requests([http_request("POST", "/ok", {}, f'{{"n":"{NUMBER}"}}')], 7_000_000)
    run(server.server_address[1], requests, connections=2, seconds=0.1)
    assert len(set(Answers.bodies)) == len(Answers.bodies) > 0
    assert b'{"n":"000007000001"}' in Answers.bodies


def test_a_number_keeps_the_declared_length() -> None:
    (text,) = capture_requests()
    assert NUMBER.encode() in text
    assert ADDRESS.encode() in text
    numbered = Requests([text], 123_456_789_011).next()
    assert len(numbered) == len(text)
    assert b"lead-123456789012@bench.example.com" in numbered
    assert b"x-forwarded-for: 2001:1234:5678:9012::1" in numbered


def test_one_request_a_token() -> None:
    first, second = read_requests(["a.b.c", "d.e.f"])
    assert b"authorization: Bearer a.b.c\r\n" in first
    assert b"Bearer d.e.f" in second


def test_an_answer_may_come_in_pieces() -> None:
    left, right = socket.socketpair()
    with left, right:
        connection = Connection(left)
        whole = b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH:  5\r\n\r\nhello"
        for end in range(len(whole)):
            connection.received = whole[:end]
            assert connection.answer() is None
        connection.received = whole + b"HTTP/1.1"
        assert connection.answer() == whole
        assert connection.received == b"HTTP/1.1"


def test_a_program_that_fails_or_hangs_is_an_error() -> None:
    output, cpu_s = run_timed([sys.executable, "-c", "print(sum(range(10**6)))"], 20)
    assert output.strip() == "499999500000"
    assert cpu_s > 0
    with pytest.raises(LoadError, match="code 3: no luck"):
        run_timed([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"], 20)
    with pytest.raises(LoadError, match="within 0 s"):
        run_timed([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)


def test_a_job_programs_result_is_found_among_its_log_lines() -> None:
    assert read_result('{"event": "log"}\nRESULT {"units": 3}\n{"event": "log"}\n') == {"units": 3}
    with pytest.raises(LoadError, match="no result"):
        read_result("noise\n")


def test_cache_hits_are_read_from_our_metrics() -> None:
    route = 'http_route="/api/v1/entitlements",http_response_status_code="200"'
    page = (
        'clarivum_auth_tokens_total{clarivum_auth_outcome="accepted"} 64\n'
        'clarivum_auth_tokens_total{clarivum_auth_outcome="expired"} 5\n'
        f'http_server_request_duration_seconds_count{{http_request_method="GET",{route}}} 6400\n'
        'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/healthz",'
        'http_response_status_code="200"} 9\n'
    )
    assert hits_in_metrics(page) == pytest.approx(0.99)
    assert hits_in_metrics("") is None


def test_the_locks_name_no_registry() -> None:
    peers = Path(__file__).parents[3] / "benchmarks" / "peers"
    npm = (peers / "package-lock.json").read_text()
    pypi = (peers / "requirements.lock").read_text()
    assert '"resolved"' not in npm
    assert "--index-url" not in pypi
    assert pypi.count("==") <= pypi.count("--hash=sha256:")
