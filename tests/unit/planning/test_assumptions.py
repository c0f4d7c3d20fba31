"""What an empty table is assumed to hold."""

import pytest

from clarivum.database.planning.assumptions import (
    LIVE_SHARE,
    Known,
    Statistics,
    declared_rows,
    index_pages,
    statistics,
    table_pages,
    unreadable,
)


def known(**more: object) -> Known:
    silent = {
        "number": 3,
        "width_bytes": -1,
        "comment": "",
        "enum_labels": 0,
        "checks": (),
        "references_rows": None,
        "null_in_index": False,
    }
    return Known(**{**silent, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("comment", "rows"),
    [
        ("owner: growth. rows: 2_000_000. Leads.", 2_000_000),
        ("rows: 1,500", 1_500),
        ("owner: growth. Leads.", None),
        ("narrows: 5", None),
        ("rows: 10,000, and more every day", 10_000),
        ("rows: 2M", None),
        ("rows: 2.5", None),
    ],
)
def test_a_table_declares_its_rows_in_its_comment(comment: str, rows: int | None) -> None:
    assert declared_rows(comment) == rows


@pytest.mark.parametrize(
    ("comment", "declared"),
    [
        ("rows: 2M. Leads.", ("rows: 2M",)),
        ("rows: 2.5e6, distinct: ~400; nulls: 5%", ("rows: 2.5e6", "distinct: ~400", "nulls: 5%")),
        ("nulls: 1.5", ("nulls: 1.5",)),
        ("rows: 20_000. distinct: 4,000. nulls: .95; nulls: 0.9. nulls: 1.", ()),
        ("Who owns the rows: the caller.", ()),
    ],
)
def test_a_declaration_that_is_no_number_is_told(comment: str, declared: tuple[str, ...]) -> None:
    assert unreadable(comment) == declared


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (known(), None),
        (known(comment="Where it came from. distinct: 4_000"), Statistics(3, 0.0, 32, 4_000)),
        (known(comment="nulls: 0.3"), Statistics(3, 0.3, 32, 0)),
        (known(comment="nulls: 1", width_bytes=8), Statistics(3, 1.0, 8, 0)),
        (known(enum_labels=3), Statistics(3, 0.0, 32, 3)),
        (known(checks=("CHECK ((status = ANY (ARRAY['a'::text, 'b'::text])))",)), Statistics(3, 0.0, 32, 2)),
        (known(checks=("CHECK ((status = ANY ('{a,b,c}'::text[])))",)), Statistics(3, 0.0, 32, 3)),
        (known(checks=("CHECK ((char_length(source) <= 80))",)), None),
        (known(references_rows=5_000.0), Statistics(3, 0.0, 32, 5_000)),
        (known(references_rows=9e9), Statistics(3, 0.0, 32, 1_000_000)),
        (known(null_in_index=True), Statistics(3, LIVE_SHARE, 32, 0)),
        (known(null_in_index=True, comment="nulls: 0.1"), Statistics(3, 0.1, 32, 0)),
    ],
)
def test_the_planner_is_told_what_the_schema_says(column: Known, told: Statistics | None) -> None:
    assert statistics(column, 1_000_000) == told


def test_sizes_grow_with_rows_and_width() -> None:
    assert table_pages([16, 8], 0) == 1
    assert table_pages([16, 8], 10_000_000) < table_pages([16, 8, -1], 10_000_000)
    assert index_pages([16], 10_000_000) == round(10_000_000 * 28 / (8_192 * 0.9))
