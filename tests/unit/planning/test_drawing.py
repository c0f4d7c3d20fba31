"""A planned query as text and as a document."""

from clarivum.database.planning.drawing import document, draw
from clarivum.database.planning.explain import read_plan
from clarivum.database.planning.planner import Planned
from clarivum.database.planning.reading import measure
from clarivum.database.planning.statement import Variant
from clarivum.database.planning.weakness import weaknesses

PLAN = {
    "Node Type": "Nested Loop",
    "Plan Rows": 20.0,
    "Total Cost": 1_234.5,
    "Plans": [
        {
            "Node Type": "Seq Scan",
            "Parent Relationship": "Outer",
            "Schema": "public",
            "Relation Name": "leads",
            "Alias": "l",
            "Plan Rows": 2.0,
            "Total Cost": 900.25,
            "Filter": "(l.source = $1)",
        },
        {
            "Node Type": "Index Scan",
            "Parent Relationship": "Inner",
            "Schema": "public",
            "Relation Name": "notes",
            "Alias": "notes",
            "Index Name": "notes_lead_idx",
            "Index Cond": "(notes.lead_id = l.id)",
            "Plan Rows": 10.0,
            "Total Cost": 8.44,
        },
    ],
}


def planned() -> Planned:
    plan = read_plan([{"Plan": PLAN}])
    reading = measure(plan, lambda node: (1_000_000.0 if node.kind == "Seq Scan" else node.rows, node.rows))
    return Planned("anon", Variant("", ""), plan, reading, weaknesses(reading, {"public.leads": 1_000_000.0}))


def test_each_step_has_its_rows_cost_loops_and_what_it_reads_and_a_weak_one_its_cause() -> None:
    assert list(draw(planned())) == [
        "Nested Loop  (20 rows, cost 1,234, 1 loop)",
        "  Seq Scan on public.leads l  (2 rows, cost 900, 1 loop, reads 1,000,000  ← full scan)",
        "      Filter: (l.source = $1)",
        "  Index Scan using notes_lead_idx on public.notes  (10 rows, cost 8.4, 2 loops, reads 20)",
        "      Index Cond: (notes.lead_id = l.id)",
    ]


def test_the_document_says_the_same_in_numbers() -> None:
    found = document(planned())
    assert (found["rows_read"], found["rows_returned"], found["rows_read_per_row"]) == (1_000_020, 20, 50_001)
    outer, inner = found["plan"]["children"]
    assert (outer["table"], outer["alias"], outer["weakness"], outer["rows_read"]) == (
        "public.leads",
        "l",
        "full scan",
        1_000_000,
    )
    assert (inner["index"], inner["loops"], inner["rows"], inner["cost"]) == ("notes_lead_idx", 2, 10, 8.44)
    assert inner["conditions"] == {"Index Cond": "(notes.lead_id = l.id)"}
