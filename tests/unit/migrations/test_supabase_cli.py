"""How the Supabase CLI is found, addressed and listened to."""

import os
import sys
from pathlib import Path

import pytest

from clarivum.database.schema.difference import without_new_roles
from clarivum.database.schema.supabase_cli import PLACES, Address, SupabaseCli, find
from clarivum.errors import ConfigurationError, DependencyDownError, Exit


@pytest.mark.parametrize(
    ("url", "address", "pgpass"),
    [
        (
            "postgresql://postgres:pa%3Ass%5C@/db?host=%2Ftmp%2Fs&port=5433",
            "postgresql://postgres@127.0.0.1:5433/db?sslmode=disable",
            "127.0.0.1:5433:*:postgres:pa\\:ss\\\\",
        ),
        (
            "postgresql://postgres.abcd:secret@h.pooler.supabase.com/postgres?sslmode=require",
            "postgresql://postgres.abcd@h.pooler.supabase.com:5432/postgres?sslmode=require",
            "h.pooler.supabase.com:5432:*:postgres.abcd:secret",
        ),
        ("postgresql://a%40b@[::1]:1/x", "postgresql://a%40b@[::1]:1/x?sslmode=disable", ""),
    ],
)
def test_an_address_carries_no_password(url: str, address: str, pgpass: str) -> None:
    assert Address.of(url) == Address(address, pgpass)


def test_what_is_no_url_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        Address.of("postgresql://postgres:secret@h/db?nonsense=1")
    assert "secret" not in refused.value.detail


def test_a_project_s_own_cli_goes_before_the_one_on_path(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path / "bin")}
    with pytest.raises(ConfigurationError, match="npm install --save-dev supabase") as missing:
        find(tmp_path, environ)
    assert missing.value.code.exit is Exit.CONFIGURATION
    for place in reversed([PLACES[0], "bin/supabase", PLACES[1]]):
        program = tmp_path / place
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        assert find(tmp_path, environ) == program


def told(tmp_path: Path, script: str, **environ: str) -> SupabaseCli:
    """A program in the place of the CLI that runs `script`."""
    program = tmp_path / "supabase"
    program.write_text(f"#!{sys.executable}\nimport json, os, sys\n{script}\n")
    program.chmod(0o755)
    return SupabaseCli(program, {"PATH": os.environ["PATH"], **environ})


def test_it_runs_at_home_nowhere_with_passwords_in_a_file_of_its_own(tmp_path: Path) -> None:
    script = (
        "home = os.environ['HOME']; path = os.path.join(home, '.pgpass')\n"
        "print(json.dumps({'diff': [sys.argv, open(path).read(), os.stat(path).st_mode & 0o777, sorted(os.environ)]}))"
    )
    cli = told(tmp_path, script, SUPABASE_ACCESS_TOKEN="sbp_x", PGPASSWORD="y", PGSERVICE="z")
    url = "postgresql://postgres:secret-word@127.0.0.1:1/a"
    answer = cli.diff(url, url.replace("/a", "/b"))
    assert answer.count("secret-word") == 2  # both lines of the file, none of the arguments
    assert "SUPABASE_TELEMETRY_DISABLED" in answer
    assert "SUPABASE_ACCESS_TOKEN" not in answer
    assert "PGPASSWORD" not in answer
    assert str(0o600) in answer


def test_its_own_words_are_passed_on_and_its_advice_is_not(tmp_path: Path) -> None:
    cli = told(tmp_path, "sys.exit('Target: x\\ncannot connect\\nTry rerunning the command with --debug')")
    with pytest.raises(DependencyDownError, match=r"ended with 1: cannot connect$"):
        cli.run(["db", "push"])


@pytest.mark.parametrize("output", ["", "Diff generated.", "[]", '{"message": "x"}'])
def test_another_version_is_told_to_be_updated(tmp_path: Path, output: str) -> None:
    with pytest.raises(ConfigurationError, match=r"does not answer as the Supabase CLI 3\.1 does"):
        told(tmp_path, f"print({output!r})").diff("postgresql://h/a", "postgresql://h/b")


def test_what_cannot_be_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be run"):
        SupabaseCli(tmp_path / "absent", {}).run([])


def test_a_login_of_the_server_is_no_drift_but_what_it_was_granted_is() -> None:
    text = 'CREATE ROLE "analyst" WITH LOGIN;\n\nGRANT SELECT ON TABLE "public"."leads" TO "analyst";'
    assert without_new_roles(text) == 'GRANT SELECT ON TABLE "public"."leads" TO "analyst";'
    assert without_new_roles('ALTER ROLE "anon" BYPASSRLS;') == 'ALTER ROLE "anon" BYPASSRLS;'
    assert without_new_roles('SET local check_function_bodies = off;\n\nCREATE ROLE "analyst";') == ""
    assert without_new_roles("") == ""
