"""What an empty table is assumed to hold in production. Pure.

A table says how many rows it expects, a column how many distinct values and which share of nulls, in their comments:

    comment on table public.leads is 'owner: growth. rows: 2_000_000. Addresses that asked to hear from us.';
    comment on column public.leads.source is 'distinct: 400';
    comment on column public.leads.deleted_at is 'nulls: 0.9';

What is not said is assumed on the careful side: ten million rows; what the schema itself tells about a column (an
enum, a `check (status in (…))`, a foreign key); Postgres' own guess of 200 distinct values for everything else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_ROWS = 10_000_000
LIVE_SHARE = 0.95
"""A column that an index requires to be null, such as `deleted_at`, is null in most rows."""
PAGE_BYTES = 8_192
PAGE_HEADER_BYTES = 24
TUPLE_OVERHEAD_BYTES = 28
INDEX_TUPLE_OVERHEAD_BYTES = 12
INDEX_FILL = 0.9
VARIABLE_WIDTH_BYTES = 32

ROWS = re.compile(r"\brows:\s*(\d[\d_,]*+)(?!\.?\w)")
DISTINCT = re.compile(r"\bdistinct:\s*(\d[\d_,]*+)(?!\.?\w)")
NULLS = re.compile(r"\bnulls:\s*(0?\.\d++|[01])(?!\.?\d|%)")
DECLARATION = re.compile(r"\b(?P<what>rows|distinct|nulls):\s*(?P<value>[~.\d]\S*)")
CHECKED_VALUES = re.compile(r"= ANY \(+(?:ARRAY\[(?P<list>[^\]]*)\]|'\{(?P<text>[^}]*)\}')")


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog says of a column, as far as it tells something about its values."""

    number: int
    width_bytes: int
    """-1 for variable width."""
    comment: str
    enum_labels: int
    """0 unless its type is an enum."""
    checks: tuple[str, ...]
    """Check constraints on this column alone, as `pg_get_constraintdef` prints them."""
    references_rows: float | None
    """Rows of the table that it references by itself."""
    null_in_index: bool
    """Whether it may be null and some index holds only rows in which it is."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """A row of pg_statistic: what the planner is told about a column."""

    number: int
    null_share: float
    width_bytes: int
    distinct: float
    """As in pg_statistic: a number of values; 0 leaves it to Postgres."""


def declared_rows(comment: str) -> int | None:
    """The rows a table's comment declares, or None."""
    found = ROWS.search(comment)
    return int(re.sub(r"[_,]", "", found[1])) if found else None


def unreadable(comment: str) -> tuple[str, ...]:
    """What a comment declares and nobody can read, such as `rows: 2M`: it would be taken as not said."""
    readable = {"rows": ROWS, "distinct": DISTINCT, "nulls": NULLS}
    return tuple(
        found[0].rstrip(".;,")
        for found in DECLARATION.finditer(comment)
        if readable[found["what"]].match(comment, found.start()) is None
    )


def statistics(column: Known, table_rows: float) -> Statistics | None:
    """What to tell the planner of a column, or None when Postgres' own guess stands."""
    nulls = _null_share(column)
    distinct = _distinct(column, table_rows)
    if nulls is None and distinct == 0:
        return None
    return Statistics(column.number, nulls or 0.0, _width(column.width_bytes), distinct)


def table_pages(column_widths_bytes: Sequence[int], rows: float) -> int:
    """Pages of a table of that many rows, with columns of these widths (-1: variable)."""
    width = TUPLE_OVERHEAD_BYTES + sum(map(_width, column_widths_bytes))
    per_page = max(1, (PAGE_BYTES - PAGE_HEADER_BYTES) // width)
    return max(1, round(rows / per_page))


def index_pages(key_widths_bytes: Sequence[int], rows: float) -> int:
    """Pages of an index over keys of these widths (-1: variable)."""
    width = INDEX_TUPLE_OVERHEAD_BYTES + sum(map(_width, key_widths_bytes))
    return max(2, round(rows * width / (PAGE_BYTES * INDEX_FILL)))


def _width(declared_bytes: int) -> int:
    return declared_bytes if declared_bytes > 0 else VARIABLE_WIDTH_BYTES


def _null_share(column: Known) -> float | None:
    declared = NULLS.search(column.comment)
    if declared:
        return float(declared[1])
    return LIVE_SHARE if column.null_in_index else None


def _distinct(column: Known, table_rows: float) -> float:
    declared = DISTINCT.search(column.comment)
    if declared:
        return float(re.sub(r"[_,]", "", declared[1]))
    if column.enum_labels:
        return float(column.enum_labels)
    for check in column.checks:
        found = CHECKED_VALUES.search(check)
        if found:
            return float((found["list"] or found["text"]).count(",") + 1)
    if column.references_rows is not None:
        return min(column.references_rows, table_rows)
    return 0.0
