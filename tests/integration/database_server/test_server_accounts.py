"""As whom Postgres runs: never as root, and also where an ordinary account could not reach it."""

import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from clarivum.database.server.binaries import DIRECTORIES, locate
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.testing.postgres import TEST_OPTIONS
from clarivum.testing.waiting import until

from .conftest import gone, left_behind, owner

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SYS_PTRACE = 19
AS_ROOT = os.geteuid() == 0


def closed_clone(place: Path, version: int) -> Path:
    """A directory with mode 0700 of ours that holds a copy of the binaries, as a clone made in `mktemp -d` does."""
    site = place / "clone" / "site"
    place.chmod(0o700)
    package = locate(version).root.parent
    shutil.copytree(package / DIRECTORIES[version], site / package.name / DIRECTORIES[version], symlinks=True)
    (site / package.name / "__init__.py").touch()
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, site / libraries.name, symlinks=True)
    return site


def an_ordinary_user(place: Path) -> None:
    data = place / "data"
    data.mkdir()
    uid = None
    if AS_ROOT:
        uid = pwd.getpwnam("nobody").pw_uid
        os.chown(data, uid, uid)
    with owner(data, uid=uid) as running:
        assert running.facts["uid"] == (os.geteuid() if uid is None else uid)
        with psycopg.connect(running.facts["tcp_url"]) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert gone(running.facts["pid"])


def root_keeps_the_one_capability_to_search(place: Path) -> None:
    site = closed_clone(place, 18)
    with owner(place / "clone" / "data", 18, str(site)) as running:
        assert running.facts["uid"] != 0
        assert running.facts["capabilities"] == 1 << CAP_DAC_READ_SEARCH
        assert running.facts["cluster"] == str(place / "clone" / "data" / "postgres-18")
        with psycopg.connect(running.facts["admin_url"]) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def root_in_a_container_that_drops_the_search_capability(place: Path) -> None:
    site = closed_clone(place, 18)
    with owner(place / "clone" / "data", 18, str(site), f"drop:{CAP_DAC_READ_SEARCH}") as running:
        assert running.facts["uid"] != 0
        assert running.facts["capabilities"] == 1 << CAP_DAC_OVERRIDE


def root_where_no_capability_can_be_kept_works_on_a_copy(place: Path) -> None:
    site = closed_clone(place, 18)
    data = place / "clone" / "data"
    for expected in ([], [(1,)]):  # the second start finds the same place again
        with owner(data, 18, str(site), "no-ambient") as running:
            cluster = Path(running.facts["cluster"])
            assert running.facts["uid"] != 0
            assert running.facts["capabilities"] == 0
            assert cluster.parent.parent == Path("/var/tmp")
            with psycopg.connect(running.facts["admin_url"]) as connection:
                connection.execute("create table if not exists kept (n int)")
                assert connection.execute("select n from kept").fetchall() == expected
                connection.execute("insert into kept values (1)")
        until(lambda pid=running.facts["pid"]: gone(pid), "the server is stopped")
    shutil.rmtree(cluster.parent)


def root_without_the_rights_of_root_is_told_so(place: Path) -> None:
    data = place / "data"
    with owner(data, 18, str(place), f"drop:{CAP_DAC_OVERRIDE}") as running:
        assert running.facts["error"] == "ConfigurationError"
        assert "CAP_DAC_OVERRIDE" in running.facts["detail"]
        assert "ordinary user" in running.facts["detail"]


def root_that_may_not_look_into_processes_still_finds_a_server_left_behind(place: Path) -> None:
    data = place / "data"
    with EmbeddedServer(data, options=TEST_OPTIONS) as server, psycopg.connect(server.admin_url()) as connection:
        connection.execute("create table kept as select 1 as n")
    left = left_behind(data)
    with owner(data, 18, str(place), f"drop:{CAP_SYS_PTRACE}") as running:
        assert not left.running
        with psycopg.connect(running.facts["admin_url"]) as connection:
            assert connection.execute("select n from kept").fetchall() == [(1,)]


CASES: list[Callable[[Path], None]] = [an_ordinary_user]
if AS_ROOT:  # only root can lower its rights
    CASES += [
        root_keeps_the_one_capability_to_search,
        root_in_a_container_that_drops_the_search_capability,
        root_where_no_capability_can_be_kept_works_on_a_copy,
        root_without_the_rights_of_root_is_told_so,
        root_that_may_not_look_into_processes_still_finds_a_server_left_behind,
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_account(case: Callable[[Path], None], data: Path) -> None:
    case(data.parent)
