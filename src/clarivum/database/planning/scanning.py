"""How many rows a scan looks at before its filter, by the planner's own estimate.

EXPLAIN does not say it for an index scan. The planner is asked instead: how many rows of the table satisfy what of the
index condition bounds the walk through the index? The answer is for the server that planned: one before 18 walks a
B-tree whose first key is not given from end to end, a newer one skips through it.
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
            fetched = sum(child.rows for child in node.children if child.kind.startswith("Bitmap"))
            walks = [step for step in node.walk() if step.kind == "Bitmap Index Scan"]
            return fetched + sum(max(0.0, self._walked(step, node, step.rows) - step.rows) for step in walks)
        return self._walked(node, node, rows) if "Index" in node.kind else rows

    def _walked(self, step: Node, scan: Node, otherwise: float) -> float:
        """Entries of its index that one step of a scan passes."""
        index = self._indexes.get((scan.relation, step.index))
        parts = conjuncts(step.index_condition, scan.alias)
        predicate = index.predicate if index else ""
        matching = self._matching(scan.relation, question(parts), predicate, otherwise)
        bounding = _bounding(parts, index) if index is not None else parts
        if len(bounding) == len(parts):
            return matching
        whole = self._rows.get(scan.relation, otherwise)
        walked = self._matching(scan.relation, question(bounding), predicate, whole)
        if index is not None and self._connection.info.server_version >= SKIP_SCAN_VERSION:
            where = f" where {question(bounding)}" if bounding else ""
            skipped = ", ".join(_skipped(parts, index))
            groups = self._estimate(f"select distinct {skipped} from {_sql(scan.relation)}{where}", whole)  # noqa: S608
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
    for key in index.keys:
        equal, ranged = _equal(parts, key), _ranged(parts, key)
        bounding.extend(equal or ranged)
        if not equal:
            break
    return tuple(bounding)


def _skipped(parts: tuple[Conjunct, ...], index: Index) -> tuple[str, ...]:
    """The keys that a skip scan goes through value by value: without equality, before the last that is narrowed."""
    narrowed = [number for number, key in enumerate(index.keys) if _equal(parts, key) or _ranged(parts, key)]
    before = index.keys[: narrowed[-1]] if narrowed else ()
    return tuple(key for key in before if not _equal(parts, key)) or index.keys[:1]


def _equal(parts: tuple[Conjunct, ...], key: str) -> list[Conjunct]:
    return _on(parts, key, Shape.EQUAL, "IS NULL")


def _ranged(parts: tuple[Conjunct, ...], key: str) -> list[Conjunct]:
    return _on(parts, key, Shape.RANGE, "IS NOT NULL")


def _on(parts: tuple[Conjunct, ...], key: str, shape: Shape, test: str) -> list[Conjunct]:
    """The conjuncts of a shape, or that are this test, on a key of an index."""
    name = normal(key)
    return [
        part for part in parts if (part.shape is shape and part.expressions[0] == name) or part.sql == f"{name} {test}"
    ]
