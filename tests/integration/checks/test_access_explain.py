"""`access explain`: what a token may do to a route or a table, and why; nothing of the token is printed."""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clarivum.auth import Principal
from clarivum.auth.explanation import Step
from clarivum.auth.principal import principal_from
from clarivum.auth.standin import StandIn
from clarivum.checks import Facts
from clarivum.checks.access.explanation import (
    Credentials,
    caller_steps,
    find_route,
    parse_table,
    route_steps,
    table_steps,
)
from clarivum.cli.access import app
from clarivum.errors import UsageError
from clarivum.settings import Settings
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.checks.commands import ROOT, clarivum

SETTINGS = Settings.load({})
EMAIL = "alice@example.com"


class Desk:
    """Facts of Clarivum's own backend, and an issuer whose tokens are asked about."""

    def __init__(self, facts: Facts, folder: Path) -> None:
        self.facts = facts
        self.stand_in = StandIn(SETTINGS, folder)

    async def fetch(self, _url: str) -> bytes:
        return json.dumps(self.stand_in.key_set()).encode()

    def principal(self, *roles: str, mfa: bool = True) -> Principal:
        claims = {
            "sub": "auth0|alice",
            "https://clarivum.com/email": EMAIL,
            "https://clarivum.com/email_verified": True,
            SETTINGS.roles_claim: list(roles),
            "amr": ["mfa"] if mfa else [],
            "exp": 9_999_999_999,
        }
        return principal_from(claims, roles_claim=SETTINGS.roles_claim)[0]

    def route(self, text: str, *roles: str, mfa: bool = True) -> dict[str, Step]:
        token = self.stand_in.issue("auth0|alice", roles, EMAIL, mfa=mfa)
        credentials = Credentials(token, self.principal(*roles, mfa=mfa), SETTINGS, self.fetch)
        return by_name(route_steps(self.facts, credentials, text), token)

    def machine(self, text: str, *scopes: str, roles: tuple[str, ...] = ()) -> dict[str, Step]:
        token = self.stand_in.issue_to_machine("reporting", scopes=scopes, roles=roles)
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        principal, _ = principal_from(claims, roles_claim=SETTINGS.roles_claim)
        return by_name(route_steps(self.facts, Credentials(token, principal, SETTINGS, self.fetch), text), token)

    def table(self, text: str, *roles: str) -> dict[str, Step]:
        return by_name(table_steps(self.facts, self.principal(*roles), text))


def by_name(steps: list[Step], token: str = "?") -> dict[str, Step]:
    said = " ".join(step.detail for step in steps)
    assert EMAIL not in said
    assert token not in said
    assert steps[-1].name == "result"
    return {step.name: step for step in steps}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Facts("bff.app:application", today=date(2026, 11, 26)) as facts:
        yield Desk(facts, tmp_path_factory.mktemp("identity"))


def test_a_route_that_may_be_called_is_called(desk: Desk) -> None:
    steps = desk.route("GET /api/v1/entitlements", "member")
    assert {name: step.passed for name, step in steps.items()} == {
        "guard": True,
        "MFA": None,
        "database role": None,
        "select public.entitlements as authenticated": True,
        "result": True,
    }
    own = "own rows; none when deleted_at is set – entitlements_own_read"
    assert steps["select public.entitlements as authenticated"].detail == own
    assert steps["result"].detail.endswith("was answered 200")


def test_a_guard_that_refuses_names_the_role_and_what_is_held(desk: Desk) -> None:
    steps = desk.route("post /api/v1/admin/entitlements", "member")
    assert steps["guard"] == Step("guard", False, "for role admin; the caller holds member")
    assert steps["result"].passed is False
    assert steps["result"].detail == "may not call POST /api/v1/admin/entitlements: 403 forbidden"


def test_a_missing_second_factor_is_named(desk: Desk) -> None:
    steps = desk.route("GET /api/v1/admin/leads", "editor", mfa=False)
    assert (steps["guard"].passed, steps["MFA"].passed, steps["result"].passed) == (True, False, False)
    assert "mfa_required" in steps["result"].detail
    assert desk.route("GET /api/v1/admin/leads", "editor")["result"].passed is True


def test_a_machine_is_told_which_scope_it_lacks(desk: Desk) -> None:
    let_in = desk.machine("GET /api/v1/admin/leads", "read:leads", roles=("editor",))
    assert let_in["scope"] == Step("scope", True, "read:leads demanded; the token holds read:leads")
    assert (let_in["MFA"].passed, let_in["result"].passed) == (None, True)
    lacking = desk.machine("GET /api/v1/admin/leads", roles=("editor",))
    assert lacking["scope"] == Step("scope", False, "read:leads demanded; the token holds none")
    assert lacking["result"].detail == "may not call GET /api/v1/admin/leads: 403 insufficient_scope"
    people = desk.machine("GET /api/v1/entitlements")
    assert people["scope"].detail == "the route names no scope for machines, so it is for people"
    assert people["result"].passed is False


def test_what_the_platform_does_for_a_caller_is_told_apart(desk: Desk) -> None:
    steps = desk.route("POST /api/v1/leads", "member")
    assert steps["insert public.leads as clarivum_worker"].passed is True
    assert steps["result"].passed is True


def test_a_table_is_tried_in_every_role_that_the_caller_may_take(desk: Desk) -> None:
    steps = desk.table("entitlements:select", "admin")
    assert {name: step.passed for name, step in steps.items()} == {
        "select as clarivum_staff": True,
        "select as authenticated": True,
        "result": True,
    }
    assert steps["select as clarivum_staff"].detail.startswith("all rows")
    refused = desk.table("public.leads", "member")
    assert [step.passed for step in refused.values()] == [False] * 6
    assert refused["select as authenticated"].detail == "none – no grant"


def test_a_caller_is_described(desk: Desk) -> None:
    steps = by_name([*caller_steps(desk.principal("ops")), Step("result", None, "")])
    assert steps["database role"].detail == "clarivum_staff on routes for staff, authenticated elsewhere"
    assert steps["second factor"].detail == "yes"


def test_a_webhook_is_nothing_that_a_token_opens(desk: Desk) -> None:
    steps = desk.route("POST /webhooks/stripe", "admin")
    told = "for whoever signs the body (Stripe-Signature): neither tokens nor session cookies are looked at"
    assert steps["guard"] == Step("guard", False, told)
    assert "MFA" not in steps
    assert steps["database role"].detail == "anon on this route"
    assert steps["result"].detail == "may not call POST /webhooks/stripe: 400 invalid_signature"


@pytest.mark.parametrize("text", ["GET /api/v1/lead", "/api/v1/leads", "GET", ""])
def test_a_route_that_does_not_exist_is_a_question_misunderstood(text: str, desk: Desk) -> None:
    with pytest.raises(UsageError, match="there is no route"):
        find_route(desk.facts.application, text)


def test_tables_and_verbs_are_read() -> None:
    assert parse_table("leads") == ("public.leads", None)
    assert parse_table("clarivum.job_runs:DELETE") == ("clarivum.job_runs", "delete")
    with pytest.raises(UsageError, match="there is no verb 'drop'"):
        parse_table("leads:drop")


def test_an_unknown_table_names_the_nearest(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'public.profiles'"):
        desk.table("profile", "member")


def test_the_command_explains_a_token_of_the_stand_in(tmp_path: Path) -> None:
    token = clarivum("token", "--role", "member", "--email", EMAIL, "--data", str(tmp_path)).stdout.strip()
    kept = tmp_path / "token"
    kept.write_text(f"Bearer {token}\n")
    told = clarivum("access", "explain", "--token", str(kept), "--data", str(tmp_path), "--format", "json")
    document = json.loads(told.stdout)
    assert (told.returncode, document["allowed"], told.stderr) == (0, True, "")
    assert [section["title"] for section in document["sections"]] == ["Token", "Caller"]
    assert EMAIL not in told.stdout
    assert token not in told.stdout

    kept.write_text(f"{token[:-6]}AAAAAA")
    forged = clarivum(
        "access", "explain", "--token", str(kept), "--route", "GET /api/v1/leads", "--data", str(tmp_path)
    )
    assert forged.returncode == 1
    assert "✗ signature" in forged.stdout
    assert "Caller" not in forged.stdout


def test_a_token_of_somebody_who_signed_out_may_nothing(tmp_path: Path, database_urls: DatabaseUrls) -> None:
    token = tmp_path / "token"
    token.write_text(clarivum("token", "--role", "member", "--data", str(tmp_path)).stdout)
    question = ("access", "explain", "--token", str(token), "--data", str(tmp_path), "--format", "json")

    def revocation(database: str) -> tuple[int, bool | None, str]:
        answer = clarivum(*question, DATABASE_URL=database)
        steps = {step["name"]: step for step in json.loads(answer.stdout)["sections"][0]["steps"]}
        return answer.returncode, steps["revocation"]["passed"], steps["verdict"]["detail"]

    assert revocation(database_urls.app) == (0, True, "the verifier accepts the token")
    ended = clarivum("access", "revoke", "auth0|alice", DATABASE_URL=database_urls.app)
    assert ended.returncode == 0, ended.stderr
    refused = "the verifier refuses the token: revoked: its subject signed out everywhere after it was issued"
    assert revocation(database_urls.app) == (1, False, refused)
    nobody_listens = "postgresql://clarivum_api@127.0.0.1:9/clarivum"
    assert revocation(nobody_listens) == (0, None, "the verifier accepts the token")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--token", "no-such-file"), "cannot be read"),
        (("--token", "-"), "holds nothing"),
        (("--token", "-", "--table", "leads:drop"), "no verb"),
        (("--token", "-", "--table", "leads", "--route", "GET /x"), "one at a time"),
    ],
)
def test_a_question_that_cannot_be_understood_is_refused(arguments: tuple[str, ...], told: str) -> None:
    ended = CliRunner().invoke(app, ["explain", *arguments], input=" ")
    assert isinstance(ended.exception, UsageError)
    assert told in ended.exception.detail


def test_the_commands_of_the_guide_say_what_it_says(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guide" / "auth.md").read_text(encoding="utf-8")
    block = guide.partition("test_access_explain.py -->\n```sh\n")[2].partition("```")[0]
    may, may_not = block.replace("./clarivum", f"{sys.executable} -m clarivum").splitlines()
    environ = {"PATH": os.environ["PATH"], "CLARIVUM_DATA": str(tmp_path)}
    answers = [
        subprocess.run(
            ["bash", "-c", line], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60
        )
        for line in (may, may_not)
    ]
    assert [answer.returncode for answer in answers] == [0, 1]
    assert "✓ result" in answers[0].stdout
    assert "✗ result  may not do select on public.leads" in re.sub(" {2,}", "  ", answers[1].stdout)


def test_a_question_without_a_token_is_refused() -> None:
    assert CliRunner().invoke(app, ["explain", "--route", "GET /x"]).exit_code == 2
