"""Which index does the work of which other."""

from dataclasses import replace

import pytest

from clarivum.checks.index_reach import serves
from clarivum.checks.rules.database.index_duplicate import makes_redundant
from clarivum.database.planning import Index
from clarivum.database.planning.catalog import ForeignKey


def index(*keys: str, **more: object) -> Index:
    """A B-tree over keys such as `a` and `a desc`."""
    made = Index(
        name="i",
        keys=tuple(key.partition(" ")[0] for key in keys),
        order=tuple(key.partition(" ")[2] for key in keys),
        widths_bytes=(),
        predicate="",
        unique=False,
        method="btree",
        oid=1,
        classes=tuple("3126 100" for _ in keys),
    )
    return replace(made, **more)  # type: ignore[arg-type]


A, AB = index("a", oid=2), index("a", "b", oid=3)


@pytest.mark.parametrize(
    ("other", "redundant"),
    [
        (AB, A),
        (index("a"), A),
        (index("a desc", "b"), A),
        (index("a desc", "b desc"), AB),
        (index("a", unique=True, oid=9), A),
        (index("a", unique=True, backs="p", primary=True, oid=9), index("a", unique=True, backs="u")),
        (index("a", included=("c",), oid=9), A),
        (index("a", "c"), index("a", included=("c",))),
        (index("lower(a)", "b"), index("lower(a)", oid=2)),
        (index("a", predicate="(d IS NULL)"), index("a", predicate="d IS NULL", oid=2)),
        (index("a", method="gin"), index("a", method="gin", oid=2)),
    ],
)
def test_an_index_that_another_makes_redundant(other: Index, redundant: Index) -> None:
    assert makes_redundant(other, redundant)
    assert not makes_redundant(redundant, other)


@pytest.mark.parametrize(
    ("other", "needed"),
    [
        (AB, index("b")),
        (AB, index("a", unique=True)),
        (AB, index("a", predicate="(d IS NULL)")),
        (index("a", "b", predicate="(d IS NULL)"), A),
        (AB, index("a", method="hash")),
        (AB, index("a", classes=("4217 950",))),
        (AB, index("a", "b desc")),
        (AB, index("a", included=("c",))),
        (index("a"), index("a", unique=True)),
        (index("a", "b", method="gin"), index("a", method="gin")),
    ],
)
def test_an_index_that_it_does_not(other: Index, needed: Index) -> None:
    assert not makes_redundant(other, needed)


@pytest.mark.parametrize(
    ("found", "serving"),
    [
        (index("a"), True),
        (index("b", "a", "c"), True),
        (index("a", predicate="(a IS NOT NULL)"), True),
        (index("a", predicate="(d IS NULL)"), False),
        (index("c", "a"), False),
        (index("a", method="gin"), False),
    ],
)
def test_an_index_behind_a_foreign_key(found: Index, serving: bool) -> None:
    columns = ("a", "b") if len(found.keys) == 3 else ("a",)
    assert serves(found, ForeignKey("k", columns, "public.t")) is serving
