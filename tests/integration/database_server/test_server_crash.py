"""Owners and servers that are killed leave nothing that the next start does not clean up."""

import os
import signal
import threading
from pathlib import Path

import psutil
import psycopg

from clarivum.database.server import pidfile as server_pidfile
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.testing.waiting import until

from .conftest import gone, left_behind, owner


def rows(server: EmbeddedServer) -> list[tuple[int]]:
    with psycopg.connect(server.admin_url()) as connection:
        return connection.execute("select n from kept").fetchall()


def test_a_killed_owner_takes_its_server_with_it(used_data: Path) -> None:
    with owner(used_data) as killed:
        killed.process.kill()
        killed.process.wait()
        until(lambda: gone(killed.facts["pid"]), "the server follows its owner")
        with EmbeddedServer(used_data) as server:
            assert rows(server) == [(1,)]


def test_a_server_that_outlived_its_owner_is_ended_by_the_next_start(used_data: Path) -> None:
    left = left_behind(used_data)
    with EmbeddedServer(used_data) as server:
        assert not left.running
        assert rows(server) == [(1,)]


def test_a_server_started_in_a_thread_lives_on_when_the_thread_ends(used_data: Path) -> None:
    server = EmbeddedServer(used_data)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    try:
        assert rows(server) == [(1,)]
        assert server.running
    finally:
        server.stop()


def test_a_killed_postmaster_is_noticed_and_its_busy_backends_do_not_block_the_next_start(used_data: Path) -> None:
    server = EmbeddedServer(used_data)
    server.start()
    connection = psycopg.connect(server.admin_url(), autocommit=True)
    backend = connection.info.backend_pid
    # Frozen, it cannot see that its postmaster died: the worst a busy backend does.
    psutil.Process(backend).suspend()
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.running, "the owner notices")
    server.start()
    try:
        assert gone(backend)
        assert rows(server) == [(1,)]
    finally:
        server.stop()
        connection.close()


def test_a_stale_pid_file_that_names_a_living_stranger_is_removed_and_the_stranger_lives(used_data: Path) -> None:
    cluster = used_data / "postgres-18"
    (cluster / server_pidfile.FILE).write_text(
        f"{os.getpid()}\n{cluster}\n1700000000\n5432\n/tmp\n127.0.0.1\n1 2\nready\n"
    )
    with EmbeddedServer(used_data) as server:
        assert rows(server) == [(1,)]


def test_a_pid_file_cut_short_is_removed(used_data: Path) -> None:
    (used_data / "postgres-18" / server_pidfile.FILE).write_text("")
    with EmbeddedServer(used_data) as server:
        assert rows(server) == [(1,)]


def test_ctrl_c_of_the_terminal_does_not_reach_the_server(used_data: Path) -> None:
    with EmbeddedServer(used_data) as server:
        assert os.getpgid(server.pid) != os.getpgid(0)
        assert os.getsid(server.pid) != os.getsid(0)
