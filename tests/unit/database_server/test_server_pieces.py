"""The parts of the embedded server that are decisions, not processes."""

import os
from pathlib import Path

import pytest

from clarivum.database.server.account import (
    CALLER,
    Account,
    keepable_capability,
    missing_capabilities,
    reachable,
)
from clarivum.database.server.binaries import locate
from clarivum.database.server.pidfile import parse
from clarivum.database.server.settings import arguments, initdb_arguments
from clarivum.database.server.state import ServerState
from clarivum.errors import ConfigurationError

STRANGER = Account(uid=54321, gid=54321)


def status(permitted: int, bounding: int) -> str:
    return f"Name:\tx\nCapInh:\t0\nCapPrm:\t{permitted:016x}\nCapEff:\t0\nCapBnd:\t{bounding:016x}\nCapAmb:\t0\n"


@pytest.mark.parametrize(
    ("permitted", "bounding", "expected"),
    [
        (0x1FFFFFFFFFF, 0x1FFFFFFFFFF, 2),
        (0x00000000A80425FB, 0x00000000A80425FB, 1),  # what Docker leaves
        (0x1FFFFFFFFFF, 1 << 1, 1),
        (0, 0x1FFFFFFFFFF, None),
    ],
)
def test_the_least_capability_that_may_be_kept(permitted: int, bounding: int, expected: int | None) -> None:
    assert keepable_capability(status(permitted, bounding)) == expected


def test_a_lesser_root_is_told_what_it_lacks() -> None:
    assert missing_capabilities(status(0xA80425FB, 0xA80425FB)) == []
    assert missing_capabilities(status(1 << 7, 1 << 7)) == ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SETGID"]


def test_a_directory_closed_anywhere_on_the_way_is_not_reachable(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "open"
    inner.mkdir(parents=True)
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == os.geteuid() and directory != Path(directory.root):
            directory.chmod(directory.stat().st_mode | 0o011)
    (tmp_path / "closed").chmod(0o700)
    assert not reachable(STRANGER, [inner])
    assert reachable(CALLER, [inner])
    (tmp_path / "closed").chmod(0o711)
    assert reachable(STRANGER, [inner])


def test_a_pid_file_of_a_ready_server() -> None:
    file = parse("4711\n/data/postgres-18\n1730000000\n5433\n/tmp/s\n127.0.0.1\n  5433001    1\nready   \n")
    assert file is not None
    assert (file.pid, file.port, file.socket_directory, file.status) == (4711, 5433, "/tmp/s", "ready")


@pytest.mark.parametrize("text", ["", "\n", "4711\n", "x\n/data\n"])
def test_a_pid_file_cut_short_says_nothing(text: str) -> None:
    assert parse(text) is None


def test_a_pid_file_of_single_user_mode() -> None:
    file = parse("-4711\n/data\n")
    assert file is not None
    assert (file.pid, file.port, file.status) == (4711, 0, "")


def test_options_win_over_defaults_but_not_over_what_the_server_computes() -> None:
    settings = arguments(18, port=5433, socket_directory="/s", options={"jit": "on", "fsync": "off"})
    assert settings[::2] == ["-c"] * (len(settings) // 2)
    pairs = dict(setting.split("=", 1) for setting in settings[1::2])
    assert pairs["jit"] == "on"
    assert pairs["fsync"] == "off"
    assert pairs["io_method"] == "sync"
    assert pairs["listen_addresses"] == "127.0.0.1"
    assert "io_method=sync" not in arguments(16, port=1, socket_directory="/s", options={})
    with pytest.raises(ConfigurationError, match="listen_addresses, port"):
        arguments(18, port=1, socket_directory="/s", options={"port": "2", "listen_addresses": "*"})


def test_the_locale_is_postgres_own_where_it_has_one() -> None:
    assert "builtin" in initdb_arguments(18, libc_locale="C", sync=True)
    assert "builtin" not in initdb_arguments(16, libc_locale="C.UTF-8", sync=True)
    assert "--no-sync" in initdb_arguments(16, libc_locale="C", sync=False)


def test_an_unknown_major_version_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Postgres 17 is not bundled; 16 and 18 are"):
        locate(17)


def test_state_survives_the_file_and_a_damaged_file_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "postgres-18.json"
    assert ServerState.load(path) is None
    state = ServerState.fresh().with_port(5433)
    state.save(path)
    assert ServerState.load(path) == state
    assert state.admin_password != state.app_password
    path.write_text('{"admin_password": "x"}')
    assert ServerState.load(path) is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["postgres-18.json"]
