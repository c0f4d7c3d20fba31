"""The ways in which a query is planned."""

import pytest
from pglast.parser import ParseError

from clarivum.database.planning.statement import variants


def texts(sql: str, *parameters: str) -> dict[str, str]:
    return {variant.assumes: variant.sql for variant in variants(sql, parameters)}


def test_a_query_without_habits_is_planned_as_it_stands() -> None:
    sql = "select id from leads where source = $1"
    assert texts(sql, "source") == {"": sql}


def test_a_limit_is_planned_for_a_page() -> None:
    assert texts("select id from leads limit $1 + 1", "limit") == {"": "select id from leads limit 50::bigint + 1"}


def test_the_tenth_parameter_is_not_the_first() -> None:
    sql = "select " + ", ".join(f"${number}::int" for number in range(2, 11)) + " from leads limit $1"
    assert texts(sql, *(f"p{number}" for number in range(1, 11)))[""].endswith("$10::int from leads limit 50::bigint")


def test_optional_filters_are_planned_left_out_and_each_given() -> None:
    sql = "select id from leads where ($1::text is null or source = $1) and ($2 is null or status = $2)"
    assert texts(sql, "source", "status") == {
        "no optional filter given": "select id from leads where (true or source = null) and (true or status = null)",
        "source given": "select id from leads where (false or source = $1) and (true or status = null)",
        "status given": "select id from leads where (true or source = null) and (false or status = $2)",
    }


def test_a_test_for_not_null_is_decided_the_other_way() -> None:
    planned = texts("select id from leads where $1::text is not null and source = $1", "source")
    assert planned["source given"] == "select id from leads where true and source = $1"
    assert planned["no optional filter given"] == "select id from leads where false and source = null"


def test_a_column_that_is_tested_for_null_is_no_optional_filter() -> None:
    assert list(texts("select id from leads where deleted_at is null and source = $1", "source")) == [""]


def test_what_does_not_parse_is_refused() -> None:
    with pytest.raises(ParseError):
        variants("select from where", ())
