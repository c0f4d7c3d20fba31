"""A plan as Postgres explains it, as a tree of nodes. Pure: reads the document of `EXPLAIN (FORMAT JSON, VERBOSE)`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCANS = frozenset({"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Sample Scan", "Tid Range Scan"})
DETAILS = ("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter", "Sort Key", "Group Key")


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a plan. Names are empty and `rows` 0 where the step has none."""

    kind: str
    """Postgres' own name: `Seq Scan`, `Limit`, …"""
    relationship: str
    """What it is to its parent: Outer, Inner, InitPlan, SubPlan, Member, Subquery; empty at the root."""
    rows: float
    """Rows it returns, each time it is run."""
    cost: float
    """The planner's estimate of running it once to its end, all below it included; a page read in order costs 1."""
    schema: str
    table: str
    alias: str
    index: str
    index_condition: str
    filter: str
    sort_keys: tuple[str, ...]
    join_type: str
    strategy: str
    """How an Aggregate works: Plain, Sorted, Hashed or Mixed."""
    arbiters: tuple[str, ...]
    """The unique indexes that ON CONFLICT asks."""
    output: tuple[str, ...]
    """The expressions that it returns."""
    window: str
    """The window of a WindowAgg, `w1 AS (ORDER BY t.id)`; empty before Postgres 18, which first prints it."""
    text: Mapping[str, str]
    """What a person wants to read beside the kind: conditions and keys, by Postgres' names."""
    children: tuple["Node", ...]

    @property
    def is_scan(self) -> bool:
        """Whether it reads a table's rows."""
        return self.kind in SCANS and bool(self.table)

    @property
    def relation(self) -> str:
        return f"{self.schema}.{self.table}"

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, from the top."""
        yield self
        for child in self.children:
            yield from child.walk()


def read_plan(document: Sequence[Mapping[str, Any]]) -> Node:
    """The root of a plan from EXPLAIN's JSON document (a list of one object with the member `Plan`)."""
    return _node(document[0]["Plan"])


def in_rows(node: Node) -> str:
    """What `tree` says of a step unless told otherwise."""
    return f"{node.rows:,.0f} rows"


def tree(node: Node, depth: int = 0, measure: Callable[[Node], str] = in_rows) -> Iterator[str]:
    """The plan as lines for a person, indented by two spaces a level; `measure` is what stands behind each step."""
    label = node.kind
    if node.index:
        label += f" using {node.index}"
    if node.table:
        label += f" on {node.relation}" + (f" {node.alias}" if node.alias not in {"", node.table} else "")
    if node.relationship in {"InitPlan", "SubPlan"}:
        label = f"{node.relationship}: {label}"
    yield f"{'  ' * depth}{label}  ({measure(node)})"
    for name, detail in node.text.items():
        yield f"{'  ' * depth}    {name}: {detail}"
    for child in node.children:
        yield from tree(child, depth + 1, measure)


def indexes_used(node: Node, relation: str = "") -> Iterator[tuple[str, str]]:
    """Each index that a plan walks or asks, as the table's `schema.table` and the index's name."""
    if node.table:
        relation = node.relation
    yield from ((relation, name) for name in (node.index, *node.arbiters) if name)
    for child in node.children:
        yield from indexes_used(child, relation)


def _node(document: Mapping[str, Any]) -> Node:
    kind = str(document["Node Type"])
    text = {name: _text(document[name]) for name in DETAILS if name in document}
    return Node(
        kind=kind,
        relationship=str(document.get("Parent Relationship", "")),
        rows=float(document["Plan Rows"]),
        cost=float(document.get("Total Cost", 0.0)),
        schema=str(document.get("Schema", "")),
        table=str(document.get("Relation Name", "")),
        alias=str(document.get("Alias", "")),
        index=str(document.get("Index Name", "")),
        index_condition=str(document.get("Index Cond", "")),
        filter=str(document.get("Filter", "")),
        sort_keys=tuple(document.get("Sort Key", ())),
        join_type=str(document.get("Join Type", "")),
        strategy=str(document.get("Strategy", "")),
        arbiters=tuple(document.get("Conflict Arbiter Indexes", ())),
        output=tuple(map(str, document.get("Output", ()))),
        window=str(document.get("Window", "")),
        text=text,
        children=tuple(_node(child) for child in document.get("Plans", ())),
    )


def _text(detail: object) -> str:
    return ", ".join(map(str, detail)) if isinstance(detail, list) else str(detail)
