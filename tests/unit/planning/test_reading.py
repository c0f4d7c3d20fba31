"""How many rows a plan reads: plans as EXPLAIN's JSON, small enough to reckon by hand."""

from typing import Any

import pytest

from clarivum.database.planning.explain import Node, indexes_used, read_plan, tree
from clarivum.database.planning.reading import Reading, measure
from clarivum.database.planning.weakness import Cause, weaknesses

ROWS = {"public.leads": 1_000_000.0, "public.tiny": 50.0}


def step(kind: str, rows: float, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    document = {"Node Type": kind, "Plan Rows": rows, "Parent Relationship": "Outer", **more}
    if children:
        document["Plans"] = list(children)
    return document


def scan(kind: str, rows: float, table: str = "leads", **more: Any) -> dict[str, Any]:
    return step(kind, rows, **{"Schema": "public", "Relation Name": table, "Alias": table, **more})


def inner(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "Parent Relationship": "Inner"}


def reading(document: dict[str, Any], looked_at: float | None = None) -> Reading:
    """Measure a plan whose scans look at `looked_at` rows each time; a Seq Scan at the whole table."""

    def looks_at(node: Node) -> tuple[float, float]:
        if node.kind == "Seq Scan":
            return ROWS[node.relation], node.rows
        return (node.rows if looked_at is None else looked_at), node.rows

    return measure(read_plan([{"Plan": document}]), looks_at)


def causes(found: Reading) -> list[Cause]:
    return [weakness.cause for weakness in weaknesses(found, ROWS)]


FILTERED = {"Index Name": "i", "Index Cond": "(leads.a = $1)", "Filter": "(leads.b = $2)"}


def test_a_limit_stops_the_scan_below_it() -> None:
    found = reading(step("Limit", 10, scan("Index Scan", 1_000, **{"Index Name": "i"})))
    assert (found.read, found.returned) == (10, 10)


def test_a_limit_over_a_filter_reads_until_enough_remain() -> None:
    found = reading(step("Limit", 50, scan("Index Scan", 500, **FILTERED)), looked_at=100_000)
    assert found.read == 10_000
    assert causes(found) == [Cause.FILTER]


def test_a_sort_sees_all_its_input_whatever_the_limit() -> None:
    sort = step("Sort", 5_000, scan("Index Scan", 5_000, **FILTERED), **{"Sort Key": ["leads.created_at DESC"]})
    found = reading(step("Limit", 10, sort), looked_at=5_000)
    assert found.read == 5_000
    assert causes(found) == [Cause.SORT]


def test_a_sort_of_few_rows_is_fine() -> None:
    sort = step("Sort", 400, scan("Index Scan", 400, **FILTERED), **{"Sort Key": ["leads.created_at DESC"]})
    assert causes(reading(step("Limit", 10, sort), looked_at=400)) == []


def test_an_aggregate_reads_all_unless_its_groups_arrive_in_order() -> None:
    rows = scan("Index Only Scan", 1_000, **{"Index Name": "i", "Index Cond": "(leads.a = $1)"})
    hashed = step("Limit", 1, step("Aggregate", 10, rows, Strategy="Hashed"))
    in_order = step("Limit", 1, step("Aggregate", 10, rows, Strategy="Sorted"))
    assert reading(hashed).read == 1_000
    assert reading(in_order).read == 100


def window(*calls: str, over: str = "") -> float:
    """Rows read for the first 50 of 1,000 through a WindowAgg that returns these calls."""
    rows = scan("Index Only Scan", 1_000, **{"Index Name": "i", "Index Cond": "(leads.a = $1)"})
    more: dict[str, Any] = {"Output": ["id", *calls], **({"Window": over} if over else {})}
    return reading(step("Limit", 50, step("WindowAgg", 1_000, rows, **more))).read


@pytest.mark.parametrize("over", ["", "w1 AS ()", "w1 AS (PARTITION BY leads.a)"])
def test_a_window_over_all_rows_sees_all_its_input(over: str) -> None:
    assert window("count(*) OVER (?)", over=over) == 1_000
    assert window("row_number() OVER (?)", "sum(leads.n) OVER (?)", over=over) == 1_000


def test_a_running_window_stops_with_the_limit() -> None:
    assert window("row_number() OVER (?)", "lag(leads.id, 1) OVER (?)") == 50
    assert window("row_number() OVER (?)", "(count(*) OVER (?))") == 50, "in brackets it is a step's below"
    assert window("sum(leads.n) OVER w1", over="w1 AS (ORDER BY leads.id)") == 50
    assert window("sum(leads.n) OVER w1", over="w1 AS (PARTITION BY leads.a ORDER BY leads.id)") == 50
    reaching = "w1 AS (ORDER BY leads.id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
    assert window("sum(leads.n) OVER w1", over=reaching) == 1_000
    assert window("ntile(4) OVER w1", over="w1 AS (ORDER BY leads.id)") == 1_000


def test_the_inner_side_of_a_nested_loop_runs_once_per_outer_row() -> None:
    outer = scan("Index Scan", 20, **{"Index Name": "i", "Index Cond": "(leads.a = $1)"})
    found = reading(step("Nested Loop", 60, outer, inner(scan("Index Scan", 3, **FILTERED))), looked_at=30)
    assert found.read == 30 + 20 * 30


def test_a_semi_join_stops_at_the_first_match() -> None:
    outer = scan("Seq Scan", 50, "tiny")
    probe = inner(scan("Index Scan", 100, **{"Index Name": "i", "Index Cond": "(leads.a = tiny.a)"}))
    assert reading(step("Nested Loop", 50, outer, probe, **{"Join Type": "Semi"})).read == 50 + 50


def test_a_hash_join_reads_its_inner_side_once() -> None:
    hashed = inner(step("Hash", 50, scan("Seq Scan", 50, "tiny")))
    assert reading(step("Hash Join", 500, scan("Index Scan", 500, **{"Index Name": "i"}), hashed)).read == 550


def test_a_correlated_subplan_runs_for_every_row_looked_at() -> None:
    subplan = {**scan("Index Scan", 1, **{"Index Name": "j", "Index Cond": "(leads.x = $0)"})}
    subplan["Parent Relationship"] = "SubPlan"
    found = reading({**scan("Seq Scan", 10, "tiny", Filter="(SubPlan 1)"), "Plans": [subplan]})
    assert found.read == 50 + 50


def test_a_hashed_subplan_runs_once() -> None:
    subplan = {**scan("Index Scan", 7, **{"Index Name": "j"}), "Parent Relationship": "SubPlan"}
    plan = {**scan("Seq Scan", 10, "tiny", Filter="(ANY (tiny.a = (hashed SubPlan 1).col1))"), "Plans": [subplan]}
    assert reading(plan).read == 50 + 7


def test_a_change_counts_the_rows_it_finds() -> None:
    found = reading(step("ModifyTable", 0, scan("Index Scan", 4, **{"Index Name": "i"})))
    assert (found.read, found.returned, found.read_per_row) == (4, 4, 1)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (scan("Seq Scan", 1_000_000), [Cause.FULL_SCAN]),
        (scan("Seq Scan", 50, "tiny"), []),
        (step("Limit", 10, scan("Seq Scan", 1_000_000)), []),
        # Rows that match are common on average; for one that is rare the whole table is read.
        (step("Limit", 10, scan("Seq Scan", 500_000, Filter="(leads.b = $1)")), [Cause.FULL_SCAN]),
        (scan("Index Only Scan", 1_000_000, **{"Index Name": "i"}), [Cause.FULL_SCAN]),
        (scan("Index Scan", 1, **{"Index Name": "i", "Index Cond": "(leads.id = $1)"}), []),
    ],
)
def test_what_is_weak(plan: dict[str, Any], expected: list[Cause]) -> None:
    assert causes(reading(plan)) == expected


@pytest.mark.parametrize(("kept", "weak"), [(1_000, False), (999, True)])
def test_a_filter_is_weak_when_it_throws_most_away(kept: int, weak: bool) -> None:
    assert bool(causes(reading(scan("Index Scan", kept, **FILTERED), looked_at=2_000))) is weak


@pytest.mark.parametrize(("looked_at", "weak"), [(999, False), (1_000, True)])
def test_few_rows_may_be_thrown_away(looked_at: int, weak: bool) -> None:
    assert bool(causes(reading(scan("Index Scan", 1, **FILTERED), looked_at=looked_at))) is weak


def test_an_index_walked_past_most_of_its_entries_is_weak_without_a_filter() -> None:
    found = reading(scan("Index Scan", 1, **{"Index Name": "i", "Index Cond": "(leads.b = $1)"}), looked_at=1_000_000)
    (weakness,) = weaknesses(found, ROWS)
    assert weakness.cause is Cause.FILTER
    assert str(weakness) == "Index Scan on leads using i, condition: b"


def test_a_weakness_names_the_columns_of_its_filter() -> None:
    (weakness,) = weaknesses(reading(scan("Index Scan", 1, **FILTERED), looked_at=5_000), ROWS)
    assert str(weakness) == "Index Scan on leads using i, filter: b"


def test_a_plan_reads_as_a_tree() -> None:
    plan = read_plan([{"Plan": step("Limit", 10, scan("Index Scan", 1_000, **FILTERED))}])
    assert list(tree(plan)) == [
        "Limit  (10 rows)",
        "  Index Scan using i on public.leads  (1,000 rows)",
        "      Index Cond: (leads.a = $1)",
        "      Filter: (leads.b = $2)",
    ]


def test_the_inner_side_of_a_loop_begins_once_per_outer_row() -> None:
    outer, once = scan("Seq Scan", 50, "tiny"), step("Result", 1, **{"Parent Relationship": "InitPlan"})
    plan = read_plan([{"Plan": step("Nested Loop", 500, once, outer, inner(scan("Index Scan", 10, **FILTERED)))}])
    found = measure(plan, lambda node: (node.rows, node.rows))
    assert [found.loops[id(node)] for node in plan.walk()] == [1, 1, 1, 50]


def test_a_bitmap_walks_an_index_of_the_table_above_it() -> None:
    bitmap = scan("Bitmap Heap Scan", 10, **{"Plans": [step("Bitmap Index Scan", 10, **{"Index Name": "i"})]})
    insert = step("ModifyTable", 0, bitmap, **{"Schema": "public", "Relation Name": "tiny"})
    insert["Conflict Arbiter Indexes"] = ["tiny_pkey"]
    used = set(indexes_used(read_plan([{"Plan": insert}])))
    assert used == {("public.leads", "i"), ("public.tiny", "tiny_pkey")}
