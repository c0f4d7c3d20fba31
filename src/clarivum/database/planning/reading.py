"""How many rows a plan reads to return what it returns. Pure.

EXPLAIN says how many rows each step *returns*, not how many a scan had to look at first. This module walks the plan
from the top and works that out: a Limit stops the steps below it early unless one of them must see all its input
first (Sort, Hash, Aggregate, a WindowAgg whose frame reaches to the end); the inner side of a nested loop and a
correlated subplan run once per row; and a scan looks at every row that its index condition lets through, of which its
filter keeps some.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from clarivum.database.planning.explain import Node

BLOCKING = frozenset({"Sort", "Hash", "Materialize", "SetOp", "HashSetOp", "Recursive Union"})
RUNNING_CALL = re.compile(r"\b(?:row_number|rank|dense_rank|lag|lead)\([^()]*\) OVER ")
"""Window functions that look no further than the next row, whatever the frame; as EXPLAIN prints a call of them."""
WHOLE_CALL = re.compile(r"\b(?:percent_rank|cume_dist|ntile)\(")
"""Window functions that count all rows of the partition first, whatever the frame."""
SUBORDINATE = frozenset({"InitPlan", "SubPlan"})

LooksAt = Callable[[Node], tuple[float, float]]
"""Rows that a scan looks at when it runs once to its end, and how many of them its filter keeps."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of a table within a plan, over all the times it runs."""

    node: Node
    read: float
    """Rows looked at."""
    kept: float
    """Rows returned by it."""
    limited: bool
    """Whether a Limit above stops it early, so that its order matters."""
    sort_keys: tuple[str, ...]
    """What its rows are sorted by above it, as EXPLAIN prints it; empty when nothing sorts them."""


@dataclass(frozen=True, slots=True)
class LimitedSort:
    """A sort of rows of which a Limit then returns few."""

    node: Node
    sorted: float
    returned: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What running a plan once means, in rows."""

    scans: tuple[Scan, ...]
    sorts: tuple[LimitedSort, ...]
    returned: float
    loops: Mapping[int, float] = field(default_factory=dict, repr=False, compare=False)
    """How often each step is begun, by `id(node)`: 1 unless it stands on the inner side of a loop or in a subplan."""

    @property
    def read(self) -> float:
        return sum(scan.read for scan in self.scans)

    @property
    def read_per_row(self) -> float:
        """Rows read for each row returned; a statement that returns none counts as returning one."""
        return self.read / max(1.0, self.returned)


@dataclass(frozen=True, slots=True)
class _Pull:
    """How a step is run: how often, how much of its output is wanted each time, and what stands above it."""

    times: float = 1.0
    share: float = 1.0
    limit: float | None = None
    sort_keys: tuple[str, ...] = ()


def measure(plan: Node, looks_at: LooksAt) -> Reading:
    """Walk the plan; `looks_at` answers for each scan."""
    scans: list[Scan] = []
    sorts: list[LimitedSort] = []
    loops: dict[int, float] = {}
    for found in _walk(plan, _Pull(), looks_at, loops):
        if isinstance(found, Scan):
            scans.append(found)
        else:
            sorts.append(found)
    returned = plan.rows
    if plan.kind == "ModifyTable" and plan.children and returned == 0:
        returned = plan.children[0].rows
    return Reading(tuple(scans), tuple(sorts), returned, loops)


def _walk(node: Node, pull: _Pull, looks_at: LooksAt, loops: dict[int, float]) -> Iterator[Scan | LimitedSort]:
    """What the plan scans and sorts; notes in `loops` how often each step is begun."""
    loops[id(node)] = pull.times
    looked_at = node.rows
    if node.is_scan:
        looked_at, kept = looks_at(node)
        # A Limit's share was reckoned from the rows Postgres expects; with the gates open more of them arrive.
        runs = pull.times * pull.share * (node.rows / kept if pull.limit is not None and kept else 1.0)
        yield Scan(node, runs * looked_at, runs * kept, pull.limit is not None, pull.sort_keys)
    if node.kind == "Sort" and pull.limit is not None and node.children:
        yield LimitedSort(node, pull.times * node.children[0].rows, pull.limit)
    inner = [child for child in node.children if child.relationship not in SUBORDINATE]
    for child in node.children:
        if child.relationship == "InitPlan":
            yield from _walk(child, _Pull(), looks_at, loops)
        elif child.relationship == "SubPlan":
            once = "hashed SubPlan" in node.filter
            times = 1.0 if once else pull.times * pull.share * looked_at
            yield from _walk(child, _Pull(times=times), looks_at, loops)
    for position, child in enumerate(inner):
        yield from _walk(child, _below(node, child, position, inner, pull), looks_at, loops)


def _below(node: Node, child: Node, position: int, siblings: list[Node], pull: _Pull) -> _Pull:
    """How a child of `node` is run when `node` is run as `pull` says."""
    if node.kind == "Limit":
        return _Pull(pull.times, pull.share * min(1.0, node.rows / max(1.0, child.rows)), node.rows)
    if node.kind == "Sort":
        return _Pull(pull.times, 1.0, None, node.sort_keys)
    if node.kind == "Nested Loop" and position == 1:
        if child.kind == "Materialize":
            return _Pull(pull.times)
        wanted = 1.0 / max(1.0, child.rows) if node.join_type in {"Semi", "Anti"} else 1.0
        return _Pull(pull.times * pull.share * siblings[0].rows, wanted)
    if _sees_all(node) or (position == 1 and node.kind.endswith("Join")):
        return _Pull(pull.times)
    return pull


def _sees_all(node: Node) -> bool:
    """Whether a step takes in all its input before it returns its first row.

    Postgres before 18 does not say how a window is framed: there every window function is taken to see all rows of its
    window, unless it is one that cannot. So are partitions, which arrive one after the other.
    """
    if node.kind == "Aggregate":
        return node.strategy != "Sorted"
    if node.kind != "WindowAgg":
        return node.kind in BLOCKING
    own = " ".join(each for each in node.output if not each.startswith("("))  # in brackets are those of steps below
    if own.count(" OVER ") == len(RUNNING_CALL.findall(own)):
        return False
    is_running = " ORDER BY " in node.window.replace("(", " ") and "UNBOUNDED FOLLOWING" not in node.window
    return not is_running or bool(WHOLE_CALL.search(own))
