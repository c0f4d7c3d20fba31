"""Whom a declared access lets in: people by role, second factor and scope; machines by scope, and never by default."""

from dataclasses import replace
from typing import Any

import pytest

from clarivum.api import anyone, authenticated, role
from clarivum.api.access import Access
from clarivum.api.guard import guard
from clarivum.auth import ANONYMOUS_PRINCIPAL, Principal
from clarivum.auth.principal import principal_from
from clarivum.errors import DeclarationError, RequestError

SCOPE = {"method": "GET", "path": "/x"}


def principal(*roles: str, scope: str = "", machine: bool = False, mfa: bool = False) -> Principal:
    claims: dict[str, Any] = {"sub": "auth0|alice", "roles": list(roles), "scope": scope, "exp": 4_102_444_800}
    if machine:
        claims |= {"sub": "reports@clients", "gty": "client-credentials"}
    return replace(principal_from(claims, roles_claim="roles")[0], mfa=mfa)


def refusal(access: Access, caller: Principal) -> str:
    """The code of the refusal; empty for who is let in."""
    try:
        guard(access, caller, SCOPE, None)
    except RequestError as error:
        return error.code.name
    return ""


@pytest.mark.parametrize(
    ("access", "caller", "code"),
    [
        (anyone(rate="1/minute"), ANONYMOUS_PRINCIPAL, ""),
        (anyone(rate="1/minute"), principal(machine=True), ""),
        (authenticated(), ANONYMOUS_PRINCIPAL, "unauthenticated"),
        (authenticated(), principal(), ""),
        (authenticated(), principal(scope="read:notes", machine=True), "forbidden"),
        (role("editor"), principal("editor", machine=True, mfa=True), "forbidden"),
        (authenticated(scope="read:notes"), principal(scope="write:notes read:notes"), ""),
        (authenticated(scope="read:notes"), principal(scope="read:notes:all"), "insufficient_scope"),
        (authenticated(scope="read:notes"), principal(scope="read:notes", machine=True), ""),
        (authenticated(scope="read:notes"), principal(scope="read", machine=True), "insufficient_scope"),
        (authenticated(machines="read:notes"), principal(), ""),
        (authenticated(machines="read:notes"), principal(scope="read:notes", machine=True), ""),
        (authenticated(machines="read:notes"), principal(machine=True), "insufficient_scope"),
        (role("editor", scope="read:notes"), principal("member", scope="read:notes"), "forbidden"),
        (role("editor", scope="read:notes"), principal("editor"), "insufficient_scope"),
        (role("editor", scope="read:notes"), principal("editor", scope="read:notes"), "mfa_required"),
        (role("editor", scope="read:notes"), principal("editor", scope="read:notes", mfa=True), ""),
        (role("editor", machines="read:notes"), principal("editor"), "mfa_required"),
        (role("editor", machines="read:notes"), principal("editor", scope="read:notes", machine=True), ""),
        (role("editor", machines="read:notes"), principal(scope="read:notes", machine=True), "forbidden"),
    ],
)
def test_who_is_let_in(access: Access, caller: Principal, code: str) -> None:
    assert refusal(access, caller) == code


def test_the_refusal_names_the_scope() -> None:
    with pytest.raises(RequestError) as refused:
        guard(authenticated(scope="read:notes"), principal(), SCOPE, None)
    assert refused.value.extensions == {"scope": "read:notes"}


@pytest.mark.parametrize("scope", ["", "two scopes", 'a"b', "a\\b", "\u017c", "a\n"])
def test_what_is_no_scope_is_refused(scope: str) -> None:
    with pytest.raises(DeclarationError, match="must be one scope"):
        authenticated(scope=scope)
    with pytest.raises(DeclarationError, match="must be one scope"):
        role("editor", machines=scope)


def test_one_of_scope_and_machines_is_enough() -> None:
    with pytest.raises(DeclarationError, match="give one of them"):
        authenticated(scope="a", machines="b")


def test_an_access_says_what_it_asks() -> None:
    assert str(authenticated(scope="a")) == "authenticated, with the scope a"
    assert str(role("admin", machines="a")) == "role admin, with a second factor; machines with the scope a"
