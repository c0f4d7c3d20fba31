"""What a connection may do to us before anybody knows who it is: malformed, oversized, slow, gone."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clarivum.api.http.limits import Limits
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.waiting import until
from tests.integration.api.api_process import RunningApi, problem_in, read_all, running_api

GET = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"


def code(response: bytes, status: int) -> str:
    assert response.startswith(b"HTTP/1.1 %d " % status), response[:200]
    assert b"\r\nconnection: close" in response.partition(b"\r\n\r\n")[0]
    found: str = problem_in(response)["code"]
    return found


# -- framing ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nname\x00: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n: empty\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nname: a\x00b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1e3\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-trailer: 1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_malformed_framing_is_a_400_and_the_end_of_the_connection(api: RunningApi, request_bytes: bytes) -> None:
    assert code(api.raw(request_bytes), 400) == "malformed_request"


def test_trailers_never_become_headers_of_the_next_request(api: RunningApi) -> None:
    chunked = b"POST /whoami HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nuser-agent: smuggled\r\n\r\n"
    assert b"smuggled" not in api.raw(chunked + b"GET /whoami HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")


def test_a_head_over_16_kib_is_a_431(api: RunningApi) -> None:
    assert code(api.raw(GET + b"a: " + b"x" * 16_500 + b"\r\n\r\n"), 431) == "headers_too_large"
    assert code(api.raw(b"GET /" + b"x" * 16_500 + b" HTTP/1.1\r\nhost: x\r\n\r\n"), 431) == "headers_too_large"
    many = b"".join(b"h%d: 1\r\n" % number for number in range(200))
    assert code(api.raw(GET + many + b"\r\n"), 431) == "headers_too_large"
    assert api.raw(GET + b"a: " + b"x" * 15_000 + b"\r\nconnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_header_without_an_end_is_cut_off(api: RunningApi) -> None:
    with closing(api.connect()) as connection:
        connection.sendall(GET + b"endless: ")
        with suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(b"x" * 4_096)
        assert code(read_all(connection), 431) == "headers_too_large"


@pytest.mark.parametrize("framing", ["declared", "chunked"])
def test_a_body_over_the_limit_is_a_413_before_it_is_read(api: RunningApi, framing: str) -> None:
    head = b"POST /notes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with closing(api.connect()) as connection:
        if framing == "declared":
            connection.sendall(head + b"content-length: 1048577\r\n\r\n")
        else:
            connection.sendall(head + b"transfer-encoding: chunked\r\n\r\n")
            with suppress(ConnectionError):
                for _ in range(20):
                    connection.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        assert code(read_all(connection), 413) == "body_too_large"


def test_a_body_of_exactly_the_limit_is_read(api: RunningApi) -> None:
    body = b'{"text": "a"' + b" " * (1_048_576 - 13) + b"}"
    headers = {**api.token(), "content-type": "application/json"}
    assert api.client.post("/notes", content=body, headers=headers).status_code in (201, 409)
    assert api.client.post("/notes", content=body + b" ", headers=headers).status_code == 413


def test_bodies_that_are_still_arriving_are_bounded_together(sample_urls: DatabaseUrls, tmp_path: Path) -> None:
    limits = Limits(max_body_bytes=10_000, receive_timeout_s=8, max_unfinished_bytes=15_000)
    half_sent = b"POST /notes HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n" + b" " * 8_000
    with running_api(sample_urls.app, tmp_path, limits) as api:
        with closing(api.connect()) as first:
            first.sendall(half_sent)
            with closing(api.connect()) as second:
                second.sendall(half_sent)
                assert code(read_all(second), 503) == "unavailable"
            first.sendall(b" " * 1_000)
            assert first.recv(100).startswith(b"HTTP/1.1 401 ")
        finished = half_sent + b" " * 1_000
        with closing(api.connect()) as third, closing(api.connect()) as fourth:
            for connection in (third, fourth):
                connection.sendall(finished)
                assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_whoever_waits_for_100_continue_gets_it_or_the_refusal(api: RunningApi) -> None:
    head = b"POST /notes HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n"
    with closing(api.connect()) as connection:
        connection.sendall(head + b"content-length: 2\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert read_all(connection).startswith(b"HTTP/1.1 401 ")
    assert code(api.raw(head + b"content-length: 9999999\r\n\r\n"), 413) == "body_too_large"


# -- more than one request --------------------------------------------------------------------------------------------
def test_pipelined_requests_are_answered_in_their_order(api: RunningApi) -> None:
    sizes = [3_000, 1, 200, 40, 5]
    requests = [b"GET /large?size=%d HTTP/1.1\r\nhost: x\r\n\r\n" % size for size in sizes]
    closing_request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    answers = api.raw(b"".join(requests) + closing_request).split(b"HTTP/1.1 200 OK\r\n")[1:]
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers]
    assert [len(body) for body in bodies[:-1]] == [len(b'{"text":""}') + size for size in sizes]
    assert bodies[-1] == b'{"status":"alive"}'


def test_a_broken_request_behind_good_ones_is_refused_after_their_answers(api: RunningApi) -> None:
    answers = api.raw(GET + b"\r\n" + GET + b"\r\n" + b"nonsense / HTTP/1.1\r\n\r\n")
    assert [answer[:3] for answer in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]


def test_an_offer_to_upgrade_is_not_taken_up(api: RunningApi) -> None:
    upgrade = GET + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n"
    answers = api.raw(upgrade + GET + b"connection: close\r\n\r\n")
    assert answers.count(b"HTTP/1.1 200 OK") == 2


def test_an_old_client_is_answered_and_let_go(api: RunningApi) -> None:
    answer = api.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"status":"alive"}')


# -- time -------------------------------------------------------------------------------------------------------------
def test_a_request_that_does_not_arrive_is_a_408(api: RunningApi) -> None:
    with closing(api.connect()) as connection:
        connection.sendall(b"GET /healthz HTT")
        started = time.monotonic()
        assert code(read_all(connection), 408) == "request_timeout"
        assert 1.5 < time.monotonic() - started < 5
    with closing(api.connect()) as connection:
        connection.sendall(b"POST /notes HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        assert code(read_all(connection), 408) == "request_timeout"


def test_a_connection_that_says_nothing_is_closed(api: RunningApi) -> None:
    with closing(api.connect()) as connection:
        assert read_all(connection) == b""


def test_500_slow_clients_are_closed_and_slow_nobody_down(api: RunningApi) -> None:
    def slowest_of(count: int) -> float:
        times = []
        for _ in range(count):
            started = time.perf_counter()
            assert api.client.get("/large?size=10").status_code == 200
            times.append(time.perf_counter() - started)
        return sorted(times)[int(count * 0.99)]

    alone_s = slowest_of(200)
    connections = [api.connect() for _ in range(500)]
    stop = threading.Event()

    def drip() -> None:
        for byte in b"GET /healthz HTTP/1.1\r\nhost: xxxxxxxxxxxxxxxxxxxx":
            for connection in connections:
                with suppress(OSError):
                    connection.send(bytes([byte]))
            if stop.wait(1.0):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        assert slowest_of(200) < max(2 * alone_s, 0.05)
        until(lambda: len(api.server.server_state.connections) < 50, within_s=10)
    finally:
        stop.set()
        dripping.join()
        for connection in connections:
            connection.close()


# -- clients that go --------------------------------------------------------------------------------------------------
def sleeping(admin: psycopg.Connection[Any]) -> int:
    """How many statements are inside pg_sleep."""
    row = admin.execute(
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


@pytest.mark.parametrize("goodbye", ["reset", "close"])
def test_what_a_client_began_and_left_is_rolled_back(api: RunningApi, sample_urls: DatabaseUrls, goodbye: str) -> None:
    text = f"abandoned by {goodbye}"
    body = b'{"text": "%b"}' % text.encode()
    token = api.token()["authorization"].encode()
    head = b"POST /held/notes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: %b\r\n" % token
    with psycopg.connect(sample_urls.admin, autocommit=True) as admin:
        connection = api.connect()
        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        until(lambda: sleeping(admin) == 1)
        if goodbye == "reset":
            reset(connection)
        else:
            connection.close()
        until(lambda: sleeping(admin) == 0, within_s=5)
        assert admin.execute("select count(*) from public.notes where text = %s", (text,)).fetchone() == (0,)
    again = api.client.post("/notes", json={"text": text}, headers=api.token())
    assert again.status_code == 201


# -- load and shutdown ------------------------------------------------------------------------------------------------
def test_when_the_pool_is_exhausted_others_hear_so_and_liveness_answers(
    sample_urls: DatabaseUrls, tmp_path: Path
) -> None:
    with (
        running_api(sample_urls.app, tmp_path, CLARIVUM_DATABASE_CONNECTIONS="2") as api,
        psycopg.connect(sample_urls.admin, autocommit=True) as admin,
        ThreadPoolExecutor(2) as threads,
    ):
        token = api.token()
        holding = [threads.submit(api.client.get, "/pause?seconds=4", headers=token) for _ in range(2)]
        until(lambda: sleeping(admin) == 2)
        asked = time.monotonic()
        refused = api.client.post("/notes", json={"text": "too many"}, headers=token)
        assert time.monotonic() - asked < 2.5
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert api.client.get("/healthz").status_code == 200
        assert [answer.result().status_code for answer in holding] == [200, 200]
        assert api.client.post("/notes", json={"text": "room again"}, headers=token).status_code == 201


def test_a_server_that_stops_finishes_what_it_began(sample_urls: DatabaseUrls, tmp_path: Path) -> None:
    with running_api(sample_urls.app, tmp_path) as api, ThreadPoolExecutor(1) as threads:
        working = threads.submit(api.client.get, "/pause?seconds=1.5")
        idle = api.connect()
        until(lambda: len(api.server.server_state.tasks) > 0)
        api.server.should_exit = True
        assert read_all(idle) == b""
        finished = working.result()
        assert (finished.status_code, finished.headers["connection"]) == (200, "close")
        idle.close()


def test_a_client_that_does_not_read_is_dropped(sample_urls: DatabaseUrls, tmp_path: Path) -> None:
    limits = Limits(max_body_bytes=1_000, receive_timeout_s=8, send_timeout_s=1)
    with running_api(sample_urls.app, tmp_path, limits) as api, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(1)
        connection.connect(("127.0.0.1", api.port))
        with suppress(OSError):
            while True:
                connection.sendall(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n" * 20)
        until(lambda: not api.server.server_state.connections, within_s=14)
        connection.settimeout(10)
        read_all(connection)
