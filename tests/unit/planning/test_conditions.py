"""Conditions as EXPLAIN (VERBOSE) prints them, on 16 and on 18."""

import pytest

from clarivum.database.planning.conditions import Shape, conjuncts, normal, question


def shapes(condition: str, alias: str = "t") -> list[tuple[Shape, tuple[str, ...]]]:
    return [(part.shape, part.expressions) for part in conjuncts(condition, alias)]


@pytest.mark.parametrize(
    ("condition", "shape", "expressions"),
    [
        ("(t.source = $1)", Shape.EQUAL, ("source",)),
        ("($1 = t.source)", Shape.EQUAL, ("source",)),
        ("((t.source)::text = $1)", Shape.EQUAL, ("source",)),
        ("(t.subject = (InitPlan 1).col1)", Shape.EQUAL, ("subject",)),
        ("(t.subject = $0)", Shape.EQUAL, ("subject",)),
        ("(t.id = ANY ($1))", Shape.EQUAL, ("id",)),
        ("(t.id = other.lead_id)", Shape.EQUAL, ("id",)),
        ("(lower(t.email) = lower($1))", Shape.EQUAL, ("lower(email)",)),
        ("(t.created_at < $1)", Shape.RANGE, ("created_at",)),
        ("(ROW(t.created_at, t.id) < ROW($1, $2))", Shape.RANGE, ("created_at", "id")),
        ("(t.deleted_at IS NULL)", Shape.FIXED, ()),
        ("t.marketing_opt_in", Shape.FIXED, ("marketing_opt_in",)),
        ("(t.source ~~ $1)", Shape.OTHER, ()),
        ("(t.source <> $1)", Shape.OTHER, ()),
        ("(($1 IS NULL) OR (t.source = $1))", Shape.OTHER, ()),
        ("(t.first = t.second)", Shape.OTHER, ()),
    ],
)
def test_a_conjunct_is_what_it_is_to_an_index(condition: str, shape: Shape, expressions: tuple[str, ...]) -> None:
    assert shapes(condition) == [(shape, expressions)]


def test_a_conjunction_is_taken_apart() -> None:
    parts = conjuncts("((t.a = $1) AND (t.b > $2) AND (t.c IS NULL) AND (InitPlan 1).col1)", "t")
    assert [part.shape for part in parts] == [Shape.EQUAL, Shape.RANGE, Shape.FIXED, Shape.OTHER]
    assert [part.is_gate for part in parts] == [False, False, False, True]


def test_other_tables_columns_are_unknowns() -> None:
    (part,) = conjuncts("(t.id = other.lead_id)", "t")
    assert (part.sql, part.columns) == ("id = $1", ("id",))


def test_what_cannot_be_read_is_kept_as_something_else() -> None:
    (part,) = conjuncts("(NOT (ANY (t.a = (hashed SubPlan 1).col1)))", "t")
    assert (part.shape, part.sql, part.is_gate) == (Shape.OTHER, "", False)


def test_a_question_numbers_its_unknowns() -> None:
    parts = conjuncts("((t.a = $7) AND (ROW(t.b, t.c) < ROW($2, (InitPlan 2).col1)))", "t")
    assert question(parts) == "(a = $1) and (ROW(b, c) < ROW($2, $3))"


def test_no_condition_asks_nothing() -> None:
    assert conjuncts("", "t") == ()
    assert question(()) == ""


def test_two_spellings_of_one_expression_are_equal() -> None:
    assert normal("(utm ->> 'medium'::text)") == normal("utm->>'medium'::text")
    assert normal("not an expression (") == "not an expression ("
