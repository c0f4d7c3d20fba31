"""Indexes that might mend a weak scan. Pure: which of them does is found out by planning again with each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from clarivum.database.planning.catalog import Index, Table
from clarivum.database.planning.conditions import Conjunct, Shape, conjuncts, normal
from clarivum.database.planning.quoting import quoted
from clarivum.database.planning.weakness import Weakness

T = TypeVar("T")

MAX_IDENTIFIER = 63
MAX_KEYS = 8
DIRECTION = re.compile(r"^(?P<key>.*?)(?P<order>(?:\s+(?:ASC|DESC))?(?:\s+NULLS (?:FIRST|LAST))?)$", re.DOTALL)
ORDER = re.compile(r"(\s+desc)?(\s+nulls (first|last))?$")
IDENTIFIER = re.compile(r'[a-z_][a-z0-9_]*|"(?:[^"]|"")+"')
PARTITION_NUMBER = re.compile(r"_\d+$")
"""EXPLAIN calls the partitions of `e` `e_1`, `e_2`, …, and sorts them all by `e.created_at`."""
CALL = re.compile(r"[a-z_][\w.]*\(.*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Proposal:
    """An index: its table, its keys with their order, and the predicate of the rows it holds (empty: all)."""

    schema: str
    table: str
    keys: tuple[str, ...]
    predicate: str
    partitioned: bool = False
    """Whether the table is, so that Postgres builds no index on it CONCURRENTLY."""

    @property
    def plain_keys(self) -> tuple[str, ...]:
        """The keys without their order."""
        return tuple(ORDER.sub("", key) for key in self.keys)

    @property
    def name(self) -> str:
        words = [re.sub(r"\W+", "_", word).strip("_") for word in (self.table, *self.plain_keys)]
        return f"{'_'.join(words)[: MAX_IDENTIFIER - 4]}_idx".lower()

    def as_index(self, name: str) -> Index:
        """What the catalog will say of it."""
        keys = self.plain_keys
        return Index(name, keys, tuple("" for _ in keys), (), self.predicate, unique=False, method="btree", oid=0)

    def ddl(self, name: str | None = None, *, concurrently: bool = True) -> str:
        how = "concurrently " if concurrently and not self.partitioned else ""
        where = f" where {self.predicate}" if self.predicate else ""
        keys = ", ".join(self.keys)
        on = quoted(self.schema, self.table)
        return f"create index {how}{quoted(name or self.name)} on {on} ({keys}){where};"


def proposals(weakness: Weakness, table: Table, used: Index | None) -> tuple[Proposal, ...]:
    """Candidates for a weak scan of `table` over the index `used`, the most specific first, none that exists."""
    scan = weakness.scan
    narrowing = conjuncts(scan.index_condition or scan.text.get("Recheck Cond", ""), scan.alias)
    filtering = conjuncts(scan.filter, scan.alias)
    equal = _distinct(_keys([*narrowing, *filtering], Shape.EQUAL))
    ranged = _distinct(_keys([*narrowing, *filtering], Shape.RANGE))
    fixed = _distinct(part.sql for part in filtering if part.shape is Shape.FIXED)
    predicate = " and ".join(_distinct([*([normal(used.predicate)] if used and used.predicate else []), *fixed]))
    order = _order(weakness, PARTITION_NUMBER.sub("", scan.alias) if table.partition_of else scan.alias, used, equal)
    narrowed = tuple(map(as_key, ranged))
    tails = [tail for tail in _distinct([order, narrowed]) if tail] + ([()] if equal else [])
    found = [
        Proposal(table.schema, table.name, (*map(as_key, equal), *tail)[:MAX_KEYS], where)
        for tail in tails
        for where in _distinct([predicate, ""])
    ]
    existing = {(_plain(index), index.predicate != "") for index in table.indexes}
    return tuple(each for each in _distinct(found) if (each.keys, each.predicate != "") not in existing)


def _order(weakness: Weakness, alias: str, used: Index | None, equal: Sequence[str]) -> tuple[str, ...]:
    """The keys, with their order, in which rows are wanted: what sorts them, else what the index walked delivers."""
    if weakness.sort_keys:
        keys = []
        for text in weakness.sort_keys:
            found = DIRECTION.match(text)
            assert found is not None
            key = _own(found["key"], alias)
            if key is None:
                return ()
            keys.append(as_key(key) + found["order"].lower().replace(" asc", ""))
        return tuple(key for key in keys if key.split(" ")[0] not in equal)
    if weakness.limited and used is not None and weakness.scan.kind != "Bitmap Heap Scan":
        pairs = zip(used.keys, used.order, strict=True)
        return tuple(f"{as_key(key)} {order}".strip() for key, order in pairs if normal(key) not in equal)
    return ()


def _own(expression: str, alias: str) -> str | None:
    """An expression of EXPLAIN over this table alone, without its alias; None when it is over another."""
    parts = conjuncts(f"({expression} = $1)", alias)
    return parts[0].expressions[0] if parts[0].shape is Shape.EQUAL and len(parts[0].expressions) == 1 else None


def _keys(parts: Sequence[Conjunct], shape: Shape) -> Iterator[str]:
    return (expression for part in parts if part.shape is shape for expression in part.expressions)


def as_key(expression: str) -> str:
    """As CREATE INDEX takes it: a column or a call as it stands, any other expression in parentheses."""
    return expression if IDENTIFIER.fullmatch(expression) or CALL.fullmatch(expression) else f"({expression})"


def _plain(index: Index) -> tuple[str, ...]:
    return tuple(f"{key} {order}".strip() for key, order in zip(index.keys, index.order, strict=True))


def _distinct(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
