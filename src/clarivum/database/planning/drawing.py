"""A planned query as a person and as a machine read it: rows, cost and loops of each step, what is weak. Pure."""

from collections.abc import Iterator
from typing import Any

from clarivum.database.planning.explain import Node, tree
from clarivum.database.planning.planner import Planned

WEAK = "←"
"""Stands before the cause, at the end of a step that is weak."""


def draw(planned: Planned) -> Iterator[str]:
    """The plan as lines, indented by two spaces a level.

    `Index Scan using i on public.leads  (50 rows, cost 402, 1 loop, reads 51)`: rows of one loop, the planner's cost of
    one loop with all below it, how often it is begun; of a scan also the rows it looks at in all loops.
    """
    scans = {id(scan.node): scan for scan in planned.reading.scans}
    weak = {id(weakness.scan): weakness.cause for weakness in planned.weaknesses}

    def measure(node: Node) -> str:
        loops = planned.reading.loops.get(id(node), 1.0)
        said = [_count(node.rows, "row"), f"cost {_number(node.cost)}", _count(loops, "loop")]
        if id(node) in scans:
            said.append(f"reads {_number(scans[id(node)].read)}")
        cause = f"  {WEAK} {weak[id(node)]}" if id(node) in weak else ""
        return ", ".join(said) + cause

    return tree(planned.plan, measure=measure)


def document(planned: Planned) -> dict[str, Any]:
    """The same for machines; numbers are the planner's estimates."""
    reading = planned.reading
    return {
        "role": planned.role,
        "assumes": planned.variant.assumes,
        "rows_read": reading.read,
        "rows_returned": reading.returned,
        "rows_read_per_row": reading.read_per_row,
        "plan": _document(planned.plan, planned),
    }


def _document(node: Node, planned: Planned) -> dict[str, Any]:
    scan = next((each for each in planned.reading.scans if each.node is node), None)
    weakness = next((each for each in planned.weaknesses if each.scan is node), None)
    return {
        "node": node.kind,
        "relationship": node.relationship,
        "table": node.relation if node.table else "",
        "alias": node.alias,
        "index": node.index,
        "rows": node.rows,
        "cost": node.cost,
        "loops": planned.reading.loops.get(id(node), 1.0),
        "rows_read": scan.read if scan else None,
        "weakness": weakness.cause.value if weakness else None,
        "conditions": dict(node.text),
        "children": [_document(child, planned) for child in node.children],
    }


def _count(number: float, noun: str) -> str:
    text = _number(number)
    return f"{text} {noun}" if text == "1" else f"{text} {noun}s"


def _number(value: float) -> str:
    """Whole from ten on, with one decimal below: `0.4`, `1`, `402,113`."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")
