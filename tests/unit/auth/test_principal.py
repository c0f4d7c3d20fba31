"""From verified claims to the caller and the context its statements run in."""

import json
from typing import Any

import pytest

from clarivum.auth import ANONYMOUS_PRINCIPAL, ROLES, TokenVerifier
from clarivum.auth.instruments import ROLES_DROPPED
from clarivum.auth.principal import Principal, principal_from
from clarivum.auth.roles import known_roles
from clarivum.database.context import ANONYMOUS
from tests.unit.auth.forge import NOW, ROLES_CLAIM, Forge, claims


def principal_of(**changes: Any) -> Principal:
    return principal_from(claims(**changes), roles_claim=ROLES_CLAIM)[0]


def test_the_context_is_computed_here() -> None:
    address = {"email": "alice@example.com", "email_verified": True}
    principal = principal_of(role="service_role", app_roles=["admin"], **address)
    assert principal.context.role == "authenticated"
    assert principal.context.statement_timeout_ms == 8_000
    assert json.loads(principal.context.claims) == {
        "sub": "auth0|alice",
        "role": "authenticated",
        "app_roles": ["member"],
        "email": "alice@example.com",
    }
    assert not principal.is_anonymous
    assert principal.expires_at == NOW + 3_600


def test_database_claims_hold_nothing_else() -> None:
    principal = principal_of(**{"https://clarivum.com/plan": "gold", ROLES_CLAIM: ["ops", "admin"]})
    assert principal.context.claims == '{"sub":"auth0|alice","role":"authenticated","app_roles":["admin","ops"]}'


AMR_CLAIM = "https://clarivum.com/amr"


@pytest.mark.parametrize(
    ("said", "mfa"),
    [
        ({}, False),
        ({AMR_CLAIM: ["pwd", "mfa"]}, True),
        ({"amr": ["mfa"]}, True),
        ({"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}, True),
        ({AMR_CLAIM: ["pwd"], "amr": ["otp"]}, False),
        ({AMR_CLAIM: "mfa"}, False),
        ({AMR_CLAIM: {"mfa": True}}, False),
        ({AMR_CLAIM: ["MFA", "mfa "]}, False),
        ({AMR_CLAIM: [["mfa"]]}, False),
        ({"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor-physical"}, False),
        ({"acr": ["http://schemas.openid.net/pape/policies/2007/06/multi-factor"]}, False),
        ({"mfa": True, "https://evil.example/amr": ["mfa"]}, False),
    ],
)
def test_a_second_factor_is_what_the_issuer_says(said: dict[str, Any], mfa: bool) -> None:
    principal, _ = principal_from(claims(**said), roles_claim=ROLES_CLAIM, amr_claim=AMR_CLAIM)
    assert principal.mfa is mfa


@pytest.mark.parametrize("role", ROLES)
def test_only_holders_of_a_staff_role_have_a_staff_context(role: str) -> None:
    principal = principal_of(**{ROLES_CLAIM: [role]})
    if role == "member":
        assert principal.staff_context is None
    else:
        assert principal.staff_context is not None
        assert principal.staff_context.role == "clarivum_staff"
        assert principal.staff_context.claims == principal.context.claims


@pytest.mark.parametrize(
    ("claim", "roles", "dropped"),
    [
        (None, set(), 0),
        ([], set(), 0),
        (["member"], {"member"}, 0),
        (["member", "member"], {"member"}, 0),
        (["member", "superuser"], {"member"}, 1),
        (["Admin", "admin ", "ADMIN"], set(), 3),
        (["service_role", "postgres", "clarivum_staff"], set(), 3),
        ([["admin"], {"admin": 1}, None, 1], set(), 4),
        ("admin", set(), 1),
        ({"admin": True}, set(), 1),
        (True, set(), 1),
    ],
)
def test_roles_of_the_claim(claim: object, roles: set[str], dropped: int) -> None:
    assert known_roles(claim) == (roles, dropped)


async def test_dropped_roles_are_counted(forge: Forge, verifier: TokenVerifier) -> None:
    before = ROLES_DROPPED.at().value() or 0
    principal = await verifier.verify(forge.token(**{ROLES_CLAIM: ["member", "root", "wheel"]}))
    assert principal.roles == {"member"}
    assert ROLES_DROPPED.at().value() == before + 2


@pytest.mark.parametrize(
    ("scope", "permissions", "scopes"),
    [
        ("read:leads", ..., {"read:leads"}),
        ("read:leads write:leads", ["read:leads", "delete:leads"], {"read:leads", "write:leads", "delete:leads"}),
        ("", [], set()),
        ("  a   b ", ..., {"a", "b"}),
        (..., ["a"], {"a"}),
        (["a"], "b", set()),
        (None, [1, None, "a", ""], {"a"}),
        (..., ..., set()),
    ],
)
def test_scopes_come_from_scope_and_permissions(scope: Any, permissions: Any, scopes: set[str]) -> None:
    assert principal_of(scope=scope, permissions=permissions).scopes == scopes


def test_a_machine() -> None:
    machine = principal_of(sub="reports@clients", gty="client-credentials", **{ROLES_CLAIM: ...})
    assert machine.is_machine
    assert machine.roles == frozenset()
    assert not principal_of().is_machine
    assert not principal_of(gty="password").is_machine
    assert principal_of(sub="reports@clients").is_machine, "tokens of the RFC 9068 profile have no gty"
    assert not principal_of(sub="auth0|reports@clients").is_machine


NAMESPACED = "https://clarivum.com/email"
VERIFIED = {"email": "b@example.com", "email_verified": True}


@pytest.mark.parametrize(
    ("changes", "email"),
    [
        ({}, None),
        ({"email": "a@example.com"}, None),
        ({"email": "a@example.com", "email_verified": True}, "a@example.com"),
        ({"email": "a@example.com", "email_verified": False}, None),
        ({"email": "a@example.com", "email_verified": "true"}, None),
        ({"email": "a@example.com", "email_verified": 1}, None),
        ({"email": "a@example.com", "email_verified": None}, None),
        ({NAMESPACED: "a@example.com"}, None),
        ({NAMESPACED: "a@example.com", f"{NAMESPACED}_verified": True}, "a@example.com"),
        ({NAMESPACED: "a@example.com", f"{NAMESPACED}_verified": True, "email": "b@example.com"}, "a@example.com"),
        ({NAMESPACED: "a@example.com", f"{NAMESPACED}_verified": False, **VERIFIED}, None),
        ({NAMESPACED: "a@example.com", **VERIFIED}, None),
        ({**VERIFIED, "email": "no address"}, None),
        ({**VERIFIED, "email": "a@b\nc"}, None),
        ({**VERIFIED, "email": "a@@b"}, None),
        ({**VERIFIED, "email": ["a@example.com"]}, None),
        ({**VERIFIED, "email": f"{'a' * 64}@{'b' * 200}"}, None),
    ],
)
def test_email(changes: dict[str, Any], email: str | None) -> None:
    principal = principal_of(**changes)
    assert principal.email == email
    assert json.loads(principal.context.claims).get("email") == email


def test_the_anonymous_caller() -> None:
    assert ANONYMOUS_PRINCIPAL.is_anonymous
    assert ANONYMOUS_PRINCIPAL.context is ANONYMOUS
    assert ANONYMOUS_PRINCIPAL.roles == ANONYMOUS_PRINCIPAL.scopes == frozenset()
    assert ANONYMOUS_PRINCIPAL.staff_context is None
