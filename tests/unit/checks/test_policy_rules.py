"""What a policy compares and whether an index leads there; what it calls for each row."""

from dataclasses import replace

import pytest

from clarivum.checks.index_reach import holds_all
from clarivum.checks.rules.database.policy_call_per_row import PER_STATEMENT, bare_calls
from clarivum.checks.rules.database.policy_without_index import compared
from clarivum.database.planning import Index
from clarivum.database.planning.conditions import conjuncts

BY_ORG = Index("i", ("org",), ("",), (), "", unique=False, method="btree", oid=1)


@pytest.mark.parametrize(
    ("condition", "expressions"),
    [
        ("(owner = ( SELECT (auth.jwt() ->> 'sub'::text)))", ["owner"]),
        ("(org IN ( SELECT m.org FROM members m WHERE (m.subject = ( SELECT auth.uid()))))", ["org"]),
        ("(org = ANY ( SELECT m.org FROM members m))", ["org"]),
        ("((org)::text IN ( SELECT m.org FROM members m))", ["org"]),
        ("((owner = $1) OR (org IN ( SELECT m.org FROM members m)))", ["owner", "org"]),
        ("(org = ANY (ARRAY( SELECT m.org FROM members m)))", ["org"]),
        ("(org <> ALL ( SELECT m.org FROM members m))", []),
        ("(( SELECT auth.role()) IN ( SELECT r.name FROM roles r))", []),
        ("(NOT (org IN ( SELECT m.org FROM members m)))", []),
    ],
)
def test_what_a_policy_compares(condition: str, expressions: list[str]) -> None:
    assert [each.expression for each in compared(condition, "notes")] == expressions


@pytest.mark.parametrize(
    ("condition", "predicate", "led"),
    [
        ("(org = $1)", "", True),
        ("(org = $1)", "(org IS NOT NULL)", True),
        ("(org = $1)", "(deleted_at IS NULL)", False),
        ("(org = $1)", "(owner IS NOT NULL)", False),
        ("((org = $1) AND (deleted_at IS NULL))", "(deleted_at IS NULL)", True),
        ("((deleted_at IS NULL) AND ((owner = $1) OR (org = $2)))", "(deleted_at IS NULL)", True),
        ("((org = $1) OR ((owner = $2) AND (deleted_at IS NULL)))", "(deleted_at IS NULL)", False),
        ("(org IN ( SELECT m.org FROM members m))", "(deleted_at IS NULL)", False),
    ],
)
def test_a_partial_index_leads_only_to_the_rows_it_holds(condition: str, predicate: str, led: bool) -> None:
    (found,) = [each for each in compared(condition, "notes") if each.expression == "org"]
    assert found.is_led_to_by(replace(BY_ORG, predicate=predicate)) is led
    assert not found.is_led_to_by(replace(BY_ORG, keys=("owner",)))


def test_every_part_of_a_predicate_has_to_be_given() -> None:
    two = replace(BY_ORG, predicate="((org IS NOT NULL) AND (kind = 'a'::text))")
    assert not holds_all(two, ["org"])
    assert holds_all(two, ["org"], [part.sql for part in conjuncts("(kind = 'a'::text)", "")])


@pytest.mark.parametrize(
    ("condition", "calls"),
    [
        ("(owner = (auth.jwt() ->> 'sub'::text))", ["auth.jwt"]),
        ("(owner = ( SELECT (auth.jwt() ->> 'sub'::text)))", []),
        ("((auth.jwt() ->> 'sub'::text) IN ( SELECT m.sub FROM members m))", ["auth.jwt"]),
        ("(( SELECT auth.uid()) IN ( SELECT m.sub FROM members m))", []),
        ("(org IN ( SELECT m.org FROM members m WHERE (m.sub = auth.uid())))", []),
        ("(EXISTS ( SELECT 1 FROM members m WHERE ((m.org = notes.org) AND (m.sub = auth.uid()))))", ["auth.uid"]),
        ("(EXISTS ( SELECT 1 FROM members m WHERE ((m.org = notes.org) AND (m.sub = ( SELECT auth.uid())))))", []),
        ("(EXISTS ( SELECT 1 FROM members m WHERE (m.org IN ( SELECT t.org FROM teams t WHERE "
         "((t.id = notes.team) AND (t.lead = auth.uid()))))))", ["auth.uid"]),
        ("(( SELECT m.sub FROM members m WHERE (m.org = notes.org)) = auth.uid())", ["auth.uid"]),
    ],
)  # fmt: skip
def test_calls_for_each_row(condition: str, calls: list[str]) -> None:
    assert list(bare_calls(condition, "notes", PER_STATEMENT)) == calls
