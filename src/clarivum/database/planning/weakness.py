"""What is weak in a plan: a whole big table scanned, most of what was looked at thrown away, a sort for a few. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from clarivum.database.planning.conditions import conjuncts
from clarivum.database.planning.explain import Node
from clarivum.database.planning.reading import LimitedSort, Reading, Scan

BIG_TABLE_ROWS = 10_000
"""From here on a table is too big to be read as a whole by a statement that serves somebody."""
MANY_ROWS = 1_000
"""Fewer rows than this are read in about a millisecond, whatever the plan."""
MOST = 0.5
"""A scan that returns less than the rest of this share throws most of what it looked at away."""
SORT_RATIO = 10
"""A sort of this many times the rows that the Limit returns is work an index order would save."""


class Cause(StrEnum):
    """Why a plan is weak, the worst first."""

    FULL_SCAN = "full scan"
    FILTER = "filter"
    """By a filter, or by an index condition that does not begin with the index's first keys."""
    SORT = "sort"


@dataclass(frozen=True, slots=True)
class Weakness:
    """One thing an index should mend."""

    cause: Cause
    scan: Node
    read: float
    kept: float
    limited: bool
    sort_keys: tuple[str, ...]

    def __str__(self) -> str:
        where = f"{self.scan.kind} on {self.scan.table}"
        if self.cause is Cause.SORT:
            return f"Sort of about {self.read:,.0f} rows of {self.scan.table} by {', '.join(self.sort_keys)}"
        names = dict.fromkeys(name for part in conjuncts(self.scan.filter, self.scan.alias) for name in part.columns)
        filtered = f", filter: {', '.join(names)}" if names else ""
        if self.cause is Cause.FILTER and not self.scan.filter:
            given = conjuncts(self.scan.index_condition or self.scan.text.get("Recheck Cond", ""), self.scan.alias)
            filtered = f", condition: {', '.join(dict.fromkeys(name for part in given for name in part.columns))}"
        using = f" using {self.scan.index}" if self.scan.index else ""
        return f"{where}{using}{filtered}"


def weaknesses(reading: Reading, table_rows: Mapping[str, float]) -> tuple[Weakness, ...]:
    """The weaknesses of a plan, at most one a scan. `table_rows` is by `schema.table`."""
    found: dict[int, Weakness] = {}
    for scan in reading.scans:
        cause = _cause(scan, table_rows.get(scan.node.relation, 0.0))
        if cause is not None:
            found[id(scan.node)] = Weakness(cause, scan.node, scan.read, scan.kept, scan.limited, scan.sort_keys)
    for sort in reading.sorts:
        if sort.sorted >= MANY_ROWS and sort.sorted >= SORT_RATIO * max(1.0, sort.returned):
            source = _source(sort, reading)
            if source is not None and id(source.node) not in found:
                found[id(source.node)] = Weakness(
                    Cause.SORT, source.node, sort.sorted, sort.returned, True, sort.node.sort_keys
                )
    return tuple(found.values())


def _cause(scan: Scan, table_rows: float) -> Cause | None:
    node = scan.node
    sequential = node.kind in {"Seq Scan", "Sample Scan"}
    whole = sequential or ("Index" in node.kind and not node.index_condition)
    # A filtered Seq Scan under a Limit stops early only while rows that match are common: one rare value reads it all.
    if table_rows >= BIG_TABLE_ROWS and ((whole and scan.read >= BIG_TABLE_ROWS) or (sequential and node.filter)):
        return Cause.FULL_SCAN
    if scan.read >= MANY_ROWS and scan.read - scan.kept > MOST * scan.read:
        return Cause.FILTER
    return None


def _source(sort: LimitedSort, reading: Reading) -> Scan | None:
    """The scan whose rows are sorted: the one whose alias the first key names, else the one that reads most."""
    below = {id(node) for node in sort.node.walk()}
    scans = [scan for scan in reading.scans if id(scan.node) in below]
    named = [scan for scan in scans if sort.node.sort_keys and f"{scan.node.alias}." in sort.node.sort_keys[0]]
    return max(named or scans, key=lambda scan: scan.read, default=None)
