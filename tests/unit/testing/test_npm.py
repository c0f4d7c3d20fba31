"""How npm packages are installed for tests, with an npm that notes its calls instead of fetching anything."""

import json
import multiprocessing
from pathlib import Path

import pytest

from clarivum.testing.npm import NpmError, install

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.mkdir()
    (path / "package.json").write_text(json.dumps({"name": "tool"}))
    (path / "package-lock.json").write_text("{}")
    return path


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the stand-in for npm appends its arguments to; `fail` beside it makes npm fail."""
    programs = tmp_path / "bin"
    programs.mkdir()
    npm = programs / "npm"
    npm.write_text(
        f"#!/bin/sh\nif [ -e {tmp_path}/fail ]; then echo 'npm error 404' >&2; exit 1; fi\n"
        f'mkdir node_modules && echo "$@" >> {tmp_path}/calls\n'
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return tmp_path / "calls"


def test_packages_are_installed_once_and_again_when_the_lock_changes(folder: Path, calls: Path, tmp_path: Path) -> None:
    target = install(folder, packages=tmp_path / "npm")
    assert target == tmp_path / "npm" / "tool"
    assert install(folder, packages=tmp_path / "npm") == target
    assert calls.read_text() == "install --ignore-scripts --no-audit --no-fund --no-progress\n"
    (folder / "package-lock.json").write_text('{"lockfileVersion": 3}')
    install(folder, packages=tmp_path / "npm")
    assert len(calls.read_text().splitlines()) == 2
    assert (target / "package-lock.json").read_text() == '{"lockfileVersion": 3}'


def test_several_processes_install_once(folder: Path, calls: Path, tmp_path: Path) -> None:
    children = [FORK.Process(target=install, args=(folder,), kwargs={"packages": tmp_path / "npm"}) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0] * 4
    assert len(calls.read_text().splitlines()) == 1


def test_a_failure_is_told_and_the_next_run_tries_again(folder: Path, calls: Path, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    with pytest.raises(NpmError, match="ended with 1:\nnpm error 404"):
        install(folder, packages=tmp_path / "npm")
    (tmp_path / "fail").unlink()
    install(folder, packages=tmp_path / "npm")
    assert calls.exists()


def test_without_npm_or_without_a_lock_it_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NpmError, match="npm is not on PATH"):
        install(folder, packages=tmp_path / "npm")
    (folder / "package-lock.json").unlink()
    with pytest.raises(NpmError, match=r"package-lock\.json is missing"):
        install(folder, packages=tmp_path / "npm")


def test_options_beside_the_lock_hold_for_the_packages(folder: Path, calls: Path, tmp_path: Path) -> None:
    (folder / ".npmrc").write_text("legacy-peer-deps=true\n")
    target = install(folder, packages=tmp_path / "npm")
    assert (target / ".npmrc").read_text() == "legacy-peer-deps=true\n"
