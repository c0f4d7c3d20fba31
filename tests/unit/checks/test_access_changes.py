"""Which cells of the access matrix changed, and which of them became wider."""

from typing import Any

import pytest

from clarivum.checks.access.matrix import Change, changes
from clarivum.checks.access.widening import is_wider, widened


def matrix(**cells: Any) -> dict[str, Any]:
    """A document of one table and one route: `member={"reach": …}` is select, `anonymous="allowed"` the call."""
    by_caller = {
        caller: {"authenticated": {"select": cell}} for caller, cell in cells.items() if isinstance(cell, dict)
    }
    roles = {caller: cell for caller, cell in cells.items() if isinstance(cell, str)}
    return {
        "tables": {"public.leads": by_caller},
        "routes": {"GET /api/v1/leads": {"mfa": bool(cells.get("mfa")), "roles": roles}},
    }


OWN, ALL = {"reach": "own rows", "by": ["own_read"]}, {"reach": "all rows", "by": ["any_read"]}


def test_callers_for_whom_more_is_allowed_alike_are_told_together() -> None:
    found = changes(matrix(member=OWN, editor=OWN, ops=OWN), matrix(member=ALL, editor=ALL, ops=OWN))
    (told,) = widened(found)
    assert told == (
        "public.leads",
        "select",
        "own rows – own_read",
        "all rows – any_read",
        ["member as authenticated", "editor as authenticated"],
    )


def test_a_route_that_opens_is_wider_and_one_that_closes_is_not() -> None:
    assert len(list(widened(changes(matrix(anonymous="unauthenticated"), matrix(anonymous="allowed"))))) == 1
    assert list(widened(changes(matrix(anonymous="allowed"), matrix(anonymous="unauthenticated")))) == []
    assert list(widened(changes({}, matrix(anonymous="allowed")))) == []


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ("none – no grant", "own rows – p", True),
        ("own rows – p", "own rows – q", False),
        ("own rows; none when deleted_at is set – p", "own rows; all rows when open is true – p", True),
        ("all rows – p", "some rows – p", False),
        ("untried", "own rows – p", True),
        ("own rows; columns name – p", "own rows; columns name, subject – p", True),
        ("own rows; columns name, subject – p", "own rows; columns name – p", False),
        ("own rows; columns name – p", "own rows; columns subject – p", True),
        ("own rows; columns name – p", "own rows – p", True),
        ("own rows – p", "own rows; columns name – p", False),
        ("own rows; none when gone is set; columns a – p", "own rows; none when gone is set; columns a, b – p", True),
        ("none; columns name – p", "none; columns name, subject – p", False),
        ("own rows; columns name – p", "none – no grant", False),
    ],
)
def test_wider_is_more_rows_in_any_state_or_more_columns(before: str, after: str, wider: bool) -> None:
    assert is_wider(Change("public.leads", "member as authenticated", "select", before, after)) is wider


def test_a_call_is_wider_when_the_second_factor_is_no_longer_asked_for() -> None:
    assert is_wider(Change("GET /x", "admin", "call", "allowed, with a second factor", "allowed"))
    assert not is_wider(Change("GET /x", "admin", "call", "allowed", "allowed, with a second factor"))


@pytest.mark.parametrize("broken", [{"tables": []}, {"tables": {"t": 1}}, {"routes": {"r": {"roles": 3}}}, {}])
def test_a_document_of_another_shape_has_no_cells(broken: dict[str, Any]) -> None:
    assert {change.before for change in changes(broken, matrix(member=OWN))} == {""}
