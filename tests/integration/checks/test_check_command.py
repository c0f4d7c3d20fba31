"""`./clarivum check` as a process: exit codes, formats, and that a terminal is the only place for colour."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import psutil

from clarivum.checks.registry import RULES
from tests.integration.checks.checking import copied
from tests.integration.checks.commands import ROOT, clarivum


def check(name: str, folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    root = folder / name
    if not root.exists():
        copied(name, folder)
    return clarivum("check", *arguments, "--application", f"{name}_backend.app:application", root=root, **environ)


def test_a_clean_application_ends_with_zero_and_says_what_was_looked_at(tmp_path: Path) -> None:
    copied("clean", tmp_path)
    drawn = clarivum("db", "erd", "--application", "clean_backend.app:application", root=tmp_path / "clean")
    assert drawn.returncode == 0, drawn.stderr
    ended = check("clean", tmp_path, "api", "database", DATABASE_URL="postgresql://nobody@127.0.0.1:1/never_asked")
    assert ended.returncode == 0, ended.stderr
    rules = sum(rule.chapter in {"api", "application", "database"} for rule in RULES)
    assert f"  0 findings in {rules} rules, 4 queries, " in ended.stdout


def test_findings_end_with_one_in_every_format(tmp_path: Path) -> None:
    text = check("refused", tmp_path, "api")
    assert text.returncode == 1
    assert "api/route-without-access   refused_backend/notes/routes.py:12  POST /api/v1/open" in text.stdout
    assert "could not look: the application does not load" in text.stdout

    document = check("refused", tmp_path, "api", "--format", "json")
    assert document.returncode == 1
    assert {finding["rule"] for finding in json.loads(document.stdout)["findings"]} >= {"api/route-without-access"}

    sarif = check("refused", tmp_path, "api", "--format", "sarif")
    assert json.loads(sarif.stdout)["runs"][0]["results"]

    github = check("refused", tmp_path, "api", "--format", "github")
    assert "::error file=refused_backend/notes/routes.py,line=12,title=api/route-without-access::" in github.stdout


def test_warnings_fail_unless_told_otherwise(tmp_path: Path) -> None:
    root = copied("clean", tmp_path)
    (root / "waivers.toml").write_text(
        '[[waiver]]\nrule = "api/no-such-rule"\nsubject = "x"\nreason = "y"\nowner = "growth"\nexpires = 2099-01-01\n'
    )
    assert check("clean", tmp_path, "checks").returncode == 1
    lenient = check("clean", tmp_path, "checks", "--fail-on", "error")
    assert lenient.returncode == 0
    assert "checks/waiver-unused   waivers.toml:1  x  warning" in lenient.stdout


def test_a_single_rule_can_be_asked_for(tmp_path: Path) -> None:
    ended = check("refused", tmp_path, "jobs/job-without-key")
    assert ended.returncode == 1
    assert "jobs/job-without-key" in ended.stdout
    assert "1 finding in 1 rule (" in ended.stdout


def test_an_unknown_chapter_is_a_usage_error_that_names_the_known(tmp_path: Path) -> None:
    ended = check("clean", tmp_path, "databse")
    assert ended.returncode == 2
    assert "no chapter or rule 'databse'" in ended.stderr
    assert ", ".join(dict.fromkeys(rule.chapter for rule in RULES)) in ended.stderr


def test_an_application_that_is_not_there_is_a_configuration_error() -> None:
    ended = clarivum("check", "api", "--application", "nowhere.app:application")
    assert ended.returncode == 3
    assert "there is no package 'nowhere'" in ended.stderr


def test_waivers_that_cannot_be_read_stop_the_check(tmp_path: Path) -> None:
    root = copied("clean", tmp_path)
    (root / "waivers.toml").write_text("[[waiver")
    ended = check("clean", tmp_path, "api")
    assert ended.returncode == 3
    assert "waivers.toml is not TOML" in ended.stderr


def test_a_check_that_is_told_to_end_takes_its_server_and_folder_with_it(tmp_path: Path) -> None:
    root = copied("clean", tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "clarivum", "check", "database", "--application", "clean_backend.app:application"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not (servers := [pid for pid in scratch.glob("*/*/postmaster.pid") if pid.read_text()]):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    postmaster = int(servers[0].read_text().splitlines()[0])
    process.terminate()
    assert process.wait(timeout=30) == 143
    assert not psutil.pid_exists(postmaster)
    assert list(scratch.iterdir()) == []


def test_colour_is_for_terminals(tmp_path: Path) -> None:
    root = copied("refused", tmp_path)
    assert "\033[" not in check("refused", tmp_path, "jobs").stdout
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "clarivum", "check", "jobs", "--application", "refused_backend.app:application"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(root), "TERM": "xterm"},
        stdout=writer,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    written = b""
    while chunk := read(reader):
        written += chunk
    assert process.wait(timeout=30) == 1
    assert b"\033[31mjobs/job-without-key\033[0m" in written


def read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing once its last writer is gone."""
    try:
        return os.read(descriptor, 65_536)
    except OSError:
        return b""
