"""`./clarivum access audit` over a database with events."""

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from clarivum.cli.access import app
from clarivum.testing.postgres import DatabaseUrls

EVENTS = """
insert into clarivum.audit_events (at, kind, outcome, reason, subject, roles, previous_roles, route, occurrences) values
    (now() - interval '500 days', 'sign_in', 'done', 'signed_in', 'auth0|old', '{}', null, null, 1),
    (now() - interval '3 days', 'sign_in', 'done', 'signed_in', 'auth0|ada', '{admin}', null, 'GET /auth/callback', 1),
    (now() - interval '2 hours', 'privilege_change', 'done', 'roles_changed', 'auth0|ada', '{admin}', '{}', null, 1),
    (now() - interval '1 hour', 'refusal', 'refused', 'forbidden', 'auth0|eve', '{member}', null, 'GET /x', 7),
    (now(), 'sign_in', 'done', 'signed_in',
     'sha256:ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976', '{}', null, null, 1)
"""


@pytest.fixture
def environment(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(EVENTS)
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("CLARIVUM_MIGRATION_URL", database_urls.admin)
    monkeypatch.setenv("CLARIVUM_DATA", str(tmp_path))


def listed(*arguments: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(app, ["audit", "--format", "json", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    events: list[dict[str, object]] = json.loads(done.stdout)
    return events


@pytest.mark.usefixtures("environment")
def test_events_are_found_by_kind_subject_and_age() -> None:
    assert [event["kind"] for event in listed()] == ["sign_in", "refusal", "privilege_change", "sign_in"]
    assert [event["reason"] for event in listed("--since", "90m")] == ["signed_in", "forbidden"]
    assert len(listed("--kind", "sign_in", "--since", "7d")) == 2
    assert [event["kind"] for event in listed("--subject", "auth0|ada")] == ["privilege_change", "sign_in"]
    assert [event["kind"] for event in listed("--subject", "auth0|ada", "--kind", "sign_in")] == ["sign_in"]
    assert len(listed("--subject", "alice@example.com")) == 1, "stored as a digest"
    assert len(listed("--limit", "1")) == 1
    refused = listed("--kind", "refusal")[0]
    assert (refused["occurrences"], refused["subject"], refused["roles"]) == (7, "auth0|eve", ["member"])
    assert str(refused["at"]).endswith("Z")


@pytest.mark.usefixtures("environment")
def test_a_person_reads_what_changed_and_how_often() -> None:
    text = CliRunner().invoke(app, ["audit"], catch_exceptions=False).stdout
    assert "forbidden 7×  auth0|eve (member)  GET /x" in text
    assert "none → admin" in text
    assert "4 events in the last 7d" in text


@pytest.mark.usefixtures("environment")
def test_what_is_past_its_retention_goes_when_asked() -> None:
    assert len(listed("--since", "99999h")) == 5
    done = CliRunner().invoke(app, ["audit", "--forget-expired"], catch_exceptions=False)
    assert "removed 1 events older than 400 days" in done.stderr
    assert len(listed("--since", "99999h")) == 4


@pytest.mark.parametrize("arguments", [["--kind", "login"], ["--since", "7"], ["--since", "0d"]])
def test_what_cannot_be_understood_is_a_usage_error(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["audit", *arguments])
    assert done.exit_code != 0
    assert type(done.exception).__name__ == "UsageError"
