"""The command line as people meet it: exit codes, the nearest name, pipes, and what is down."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.running import ROOT, Up


def _run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CLARIVUM_", "DATABASE_URL"))}
    return subprocess.run(
        [str(ROOT / "clarivum"), *arguments],
        cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--version",), 0, "clarivum "),
        (("--help",), 0, "doctor"),
        (("chekc",), 2, "Did you mean 'check'"),
        (("token", "--rol", "member"), 2, "--role"),
        (("up", "--postgres", "17"), 2, "16 or 18"),
        (("token", "--role", "emperor"), 2, "member, editor, admin, ops"),
    ],
)
def test_words_that_are_off_are_answered(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = _run(*arguments, CLARIVUM_DATA=str(tmp_path))
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_used_stop_with_3_and_name_the_variable(tmp_path: Path) -> None:
    done = _run("serve", CLARIVUM_DATA=str(tmp_path), CLARIVUM_PROT="1")
    assert (done.returncode, "CLARIVUM_PORT" in done.stderr) == (3, True)
    production = {"CLARIVUM_ENVIRONMENT": "production", "AUTH0_DOMAIN": "tenant.eu.auth0.com"}
    done = _run("serve", CLARIVUM_DATA=str(tmp_path), **production)
    assert (done.returncode, "DATABASE_URL" in done.stderr) == (3, True)
    done = _run("token", CLARIVUM_DATA=str(tmp_path), AUTH0_DOMAIN="tenant.eu.auth0.com")
    assert (done.returncode, "AUTH0_DOMAIN is set" in done.stderr) == (3, True)


@pytest.mark.parametrize("command", [("serve",), ("jobs", "timetable"), ("check", "jobs"), ("docs", "--check")])
def test_every_command_means_the_application_of_the_settings(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = _run(*command, CLARIVUM_DATA=str(tmp_path), CLARIVUM_APPLICATION="elsewhere.app:application")
    assert "elsewhere" in done.stdout + done.stderr
    assert done.returncode != 0


def test_a_login_that_bypasses_row_level_security_serves_nothing(backend: Up) -> None:
    admin = backend.admin_url()
    done = _run("serve", DATABASE_URL=admin, CLARIVUM_PORT="0")
    assert done.returncode == 3, done.stderr
    assert "superuser" in done.stderr
    assert admin not in done.stderr


def test_a_database_that_is_down_is_exit_5_with_the_password_masked() -> None:
    url = "postgresql://api:s3cret-p4ss@127.0.0.1:9/postgres"
    for command in (("serve",), ("jobs", "list"), ("doctor",)):
        done = _run(*command, DATABASE_URL=url, CLARIVUM_PORT="0")
        assert done.returncode == 5, (command, done.stdout, done.stderr)
        assert "s3cret-p4ss" not in done.stdout + done.stderr


def test_a_reader_that_stops_reading_ends_quietly() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{ROOT}/clarivum doctor 2>&1 | head -1"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_the_application_itself_has_no_findings() -> None:
    done = _run("check")
    assert done.returncode == 0, done.stdout
    assert "0 findings" in done.stdout
