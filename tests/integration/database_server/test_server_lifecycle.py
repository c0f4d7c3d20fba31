"""Start, stop, reuse, refuse."""

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clarivum.database.server.binaries import locate
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.database.server.home import SOCKET_PATH_MAX_BYTES, prepare_home
from clarivum.errors import ConfigurationError, DependencyDownError, RefusedError

from .conftest import gone, owner

BOTH_VERSIONS = pytest.mark.parametrize("postgres_version", [16, 18])


@pytest.fixture
def server(used_data: Path, postgres_version: int) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(used_data, postgres_version)
    server.start()
    yield server
    server.stop()


def one(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return None if row is None else row[0]


@BOTH_VERSIONS
def test_a_server_serves_by_socket_and_loopback_durably_and_stops(server: EmbeddedServer) -> None:
    assert int(str(one(server.admin_url(), "show server_version_num"))) // 10_000 == server.version
    assert one(server.admin_url(), "select inet_server_addr()") is None
    assert str(one(server.admin_url(tcp=True), "select inet_server_addr()")).startswith("127.0.0.1")
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert one(server.admin_url(), f"show {setting}") == "on"
    assert one(server.admin_url(), "select upper('é')") == "É"
    pid, directory = server.pid, Path(psycopg.conninfo.conninfo_to_dict(server.admin_url())["host"])
    server.stop()
    assert gone(pid)
    assert not directory.exists()
    assert not server.running
    server.stop()  # again does nothing


def test_passwords_are_asked_for_and_kept_where_only_the_owner_reads(server: EmbeddedServer, used_data: Path) -> None:
    state = used_data / f"postgres-{server.version}.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    password = str(psycopg.conninfo.conninfo_to_dict(server.admin_url())["password"])
    assert len(password) >= 32
    for url in (server.admin_url(), server.admin_url(tcp=True)):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(password, "wrong"))


@BOTH_VERSIONS
def test_what_was_committed_is_there_after_restart_and_crash(server: EmbeddedServer, used_data: Path) -> None:
    port = server.port
    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        connection.execute("insert into kept values (2)")
    server.restart(immediate=True)
    assert server.port == port
    assert one(server.admin_url(), "select max(n) from kept") == 2
    server.stop()
    with EmbeddedServer(used_data, server.version) as again:
        assert again.port == port
        assert one(again.admin_url(), "select max(n) from kept") == 2


@BOTH_VERSIONS
def test_lost_passwords_are_set_anew(server: EmbeddedServer, used_data: Path) -> None:
    server.stop()
    (used_data / f"postgres-{server.version}.json").unlink()
    with EmbeddedServer(used_data, server.version) as again:
        assert one(again.admin_url(), "select current_user") == "postgres"


@BOTH_VERSIONS
def test_data_of_another_major_version_is_refused(server: EmbeddedServer, used_data: Path) -> None:
    server.stop()
    other = {16: 18, 18: 16}[server.version]
    (used_data / f"postgres-{server.version}").rename(used_data / f"postgres-{other}")
    with pytest.raises(ConfigurationError, match=rf"made by Postgres {server.version}.*--postgres {server.version}"):
        EmbeddedServer(used_data, other).start()


def test_versions_live_side_by_side(server: EmbeddedServer, used_data: Path) -> None:
    other = {16: 18, 18: 16}[server.version]
    with EmbeddedServer(used_data, other) as second:
        assert one(second.admin_url(), "select 1") == one(server.admin_url(), "select 1") == 1


def test_a_second_owner_is_refused_and_the_first_is_left_alone(used_data: Path) -> None:
    with owner(used_data) as first:
        with pytest.raises(RefusedError, match=rf"pid {first.process.pid}"):
            EmbeddedServer(used_data).start()
        with pytest.raises(RefusedError):
            EmbeddedServer(used_data).destroy()
        assert one(first.facts["admin_url"], "select 1") == 1


def test_a_port_in_use_is_named(used_data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is in use"):
            EmbeddedServer(used_data).start(port)


def test_the_last_port_taken_by_somebody_else_is_given_up(used_data: Path) -> None:
    server = EmbeddedServer(used_data)
    server.start()
    last = server.port
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", last))
        taken.listen()
        with server:
            assert server.port != last
            assert one(server.admin_url(tcp=True), "select 1") == 1


def test_destroy_leaves_nothing_but_the_lock(data: Path) -> None:
    server = EmbeddedServer(data)
    server.start()
    server.destroy()
    assert [path.name for path in data.iterdir()] == ["postgres-18.lock"]


def test_an_initdb_that_was_cut_off_is_begun_again(data: Path) -> None:
    partial = data / "postgres-18.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    with EmbeddedServer(data) as server:
        assert one(server.admin_url(), "select 1") == 1
    assert not partial.exists()


def test_a_socket_path_fits_whatever_the_temporary_directory(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.mkdir()
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    home = prepare_home(data, "postgres-18", locate(18))
    assert len(os.fsencode(home.socket_directory / ".s.PGSQL.65535.lock")) <= SOCKET_PATH_MAX_BYTES
    assert home.socket_directory.parent == Path("/tmp")


def test_a_socket_directory_of_somebody_else_is_refused(data: Path) -> None:
    data.mkdir()
    home = prepare_home(data, "postgres-18", locate(18))
    home.socket_directory.symlink_to("/etc")
    try:
        with pytest.raises(ConfigurationError, match="belongs to somebody else"):
            EmbeddedServer(data).start()
    finally:
        home.socket_directory.unlink()


def test_a_setting_that_postgres_refuses_is_quoted_from_its_log(data: Path) -> None:
    with pytest.raises(DependencyDownError, match='invalid value for parameter "shared_buffers"'):
        EmbeddedServer(data, options={"shared_buffers": "lots"}).start()


def test_values_of_rows_stay_out_of_the_log(server: EmbeddedServer) -> None:
    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        connection.execute("create table leads (email text unique)")
        connection.execute("insert into leads values (%s)", ("ada@example.com",))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into leads values (%s)", ("ada@example.com",))
    log = server.log.read_text()
    assert "duplicate key value" in log
    assert "ada@example.com" not in log
