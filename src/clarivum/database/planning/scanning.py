"""How many rows a scan looks at before its filter, by the planner's own estimate.

EXPLAIN does not say it for an index scan. The planner is asked instead: how many rows of the table satisfy what of the
index condition bounds the walk through the index?
"""

import psycopg

from clarivum.database.planning.catalog import Catalog, Index
from clarivum.database.planning.conditions import Conjunct, Shape, conjuncts, normal, question
from clarivum.database.planning.explain import Node, read_plan
from clarivum.database.planning.quoting import quoted

SKIP_SCAN_VERSION = 180_000
"""From Postgres 18 on a B-tree whose first key is not given is entered once per distinct value of it."""


class Estimator:
    """Answers for the scans of one inflated database, over a superuser's connection: policies play no part here."""

    def __init__(self, connection: psycopg.Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._rows = {table.qualified: float(table.rows) for table in catalog.tables}
        self._indexes = {(table.qualified, index.name): index for table in catalog.tables for index in table.indexes}
        self._known: dict[str, float] = {}

    def tell(self, relation: str, index: Index) -> None:
        """Make an index known that the catalog did not have."""
        self._indexes[relation, index.name] = index

    def index(self, node: Node) -> Index | None:
        """The index that a scan walks, if it walks one; of a bitmap of several, the first."""
        names = (step.index for step in node.walk() if step.index)
        return self._indexes.get((node.relation, next(names, "")))

    def looks_at(self, node: Node) -> tuple[float, float]:
        """Rows that a scan looks at when it runs once to its end, and how many of them its filter keeps.

        A part of the filter that is the same for every row, such as a policy's question for the caller's role, is
        taken to let them through: Postgres guesses that it stops half of them, but it stops all or none.
        """
        read = max(node.rows, self._read(node))
        filtering = conjuncts(node.filter, node.alias)
        if not any(part.is_gate for part in filtering):
            return read, node.rows
        narrowing = conjuncts(node.index_condition or node.text.get("Recheck Cond", ""), node.alias)
        open_gates = tuple(part for part in (*narrowing, *filtering) if not part.is_gate)
        return read, min(read, max(node.rows, self._matching(node.relation, question(open_gates), "", read)))

    def _read(self, node: Node) -> float:
        rows = self._rows.get(node.relation, node.rows)
        if node.kind == "Bitmap Heap Scan":
            return sum(child.rows for child in node.children if child.kind.startswith("Bitmap"))
        if "Index" not in node.kind:
            return rows
        index = self.index(node)
        parts = conjuncts(node.index_condition, node.alias)
        predicate = index.predicate if index else ""
        matching = self._matching(node.relation, question(parts), predicate, rows)
        if index is None or not parts:
            return matching
        bounding = _bounding(parts, index)
        if len(bounding) == len(parts):
            return matching
        walked = self._matching(node.relation, question(bounding), predicate, rows)
        if not bounding and self._connection.info.server_version >= SKIP_SCAN_VERSION:
            groups = self._estimate(f"select distinct {index.keys[0]} from {_sql(node.relation)}", rows)  # noqa: S608
            walked = min(walked, matching + groups)
        return max(matching, walked)

    def _matching(self, relation: str, condition: str, predicate: str, otherwise: float) -> float:
        where = " and ".join(f"({part})" for part in (condition, predicate) if part)
        return self._estimate(f"select 1 from {_sql(relation)} where {where}", otherwise) if where else otherwise  # noqa: S608

    def _estimate(self, sql: str, otherwise: float) -> float:
        """Rows that the planner expects of a statement; `otherwise` when it cannot be planned."""
        if sql not in self._known:
            try:
                self._known[sql] = explain(self._connection, sql).rows
            except psycopg.Error:
                self._known[sql] = otherwise
        return self._known[sql]


def explain(connection: psycopg.Connection, sql: str) -> Node:
    """The generic plan of a statement whose parameters are `$n`. Raises psycopg.Error when it cannot be planned."""
    # As bytes the text is sent as it is: psycopg does not look for placeholders in it.
    row = connection.execute(f"explain (generic_plan, verbose, format json) {sql}".encode()).fetchone()
    assert row is not None
    return read_plan(row[0])


def _sql(relation: str) -> str:
    schema, _, table = relation.partition(".")
    return quoted(schema, table)


def _bounding(parts: tuple[Conjunct, ...], index: Index) -> tuple[Conjunct, ...]:
    """The conjuncts that bound how much of a B-tree is walked: equalities on its first keys, then one range."""
    if index.method != "btree":
        return parts
    bounding: list[Conjunct] = []
    for key in map(normal, index.keys):
        equal = [part for part in parts if part.shape is Shape.EQUAL and part.expressions[0] == key]
        ranged = [part for part in parts if part.shape is Shape.RANGE and part.expressions[0] == key]
        bounding.extend(equal or ranged)
        if not equal:
            break
    return tuple(bounding)
