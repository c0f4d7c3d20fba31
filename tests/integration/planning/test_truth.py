"""The rows that a plan is said to read, against the rows that Postgres reads when the data is really there."""

from typing import Any

import psycopg
import pytest

from clarivum.database.planning import Planner

QUERIES = {
    "by key": ("id = $1", "id = 77", ""),
    "one member's": ("subject = $1 and deleted_at is null", "subject = 'auth0|77' and deleted_at is null", ""),
    "one member's of a source": (
        "subject = $1 and source = $2 and deleted_at is null",
        "subject = 'auth0|77' and source = 'source 7' and deleted_at is null",
        "",
    ),
    "newest of a kind": ("kind = $1 and deleted_at is null", "kind = 'b' and deleted_at is null", "created_at desc"),
    "newest of a source": (
        "source = $1 and deleted_at is null",
        "source = 'source 7' and deleted_at is null",
        "created_at desc",
    ),
    "of a kind and source": ("kind = $1 and source = $2", "kind = 'b' and source = 'source 7'", ""),
    "of an address": ("email = $1", "email = '77@example.com'", ""),
}


@pytest.mark.parametrize("name", QUERIES)
def test_what_is_said_to_be_read_is_read(planner: Planner, filled: psycopg.Connection, name: str) -> None:
    unknown, known, order = QUERIES[name]
    tail = f" order by {order} limit 50" if order else ""
    verdict = planner.examine(f"select * from public.events where {unknown}{tail}", ("first", "second"), ["postgres"])
    assert verdict.worst is not None
    really = rows_read(filled, f"select * from public.events where {known}{tail}")
    assert really / 2 <= max(1.0, verdict.worst.reading.read) <= really * 2


def rows_read(connection: psycopg.Connection, sql: str) -> float:
    """Rows that the scans of a statement looked at, as counted while it ran."""
    row = connection.execute(f"explain (analyze, format json) {sql}".encode()).fetchone()
    assert row is not None
    return max(1.0, _read(row[0][0]["Plan"]))


def _read(node: dict[str, Any]) -> float:
    # 18 says how often it entered an index; each entry but the first is one of a skip scan and looks at a row.
    below = sum(map(_read, node.get("Plans", ()))) + node.get("Index Searches", 1) - 1
    if "Relation Name" not in node:
        return below
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return below + (node["Actual Rows"] + removed) * node["Actual Loops"]
