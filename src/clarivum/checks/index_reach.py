"""Which rows an index leads to: what a foreign key or a policy asks for is found when all of it is in there. Pure."""

from collections.abc import Collection

from clarivum.database.planning import Index
from clarivum.database.planning.catalog import ForeignKey
from clarivum.database.planning.conditions import conjuncts, normal
from clarivum.database.planning.quoting import quoted

LOOKED_UP = frozenset({"btree", "hash"})
"""Methods by which a value is looked up."""


def serves(index: Index, key: ForeignKey) -> bool:
    """Whether the rows that reference one row are found by an index: all that are not null must be in it."""
    columns = {normal(quoted(name)) for name in key.columns}
    first = {normal(each) for each in index.keys[: len(key.columns)]}
    return index.method in LOOKED_UP and first == columns and holds_all(index, key.columns)


def holds_all(index: Index, compared: Collection[str], given: Collection[str] = ()) -> bool:
    """Whether an index holds every row in which these columns equal something and the conditions `given` hold.

    Conditions are as `conjuncts` prints them.
    """
    return all(
        part.sql in given or (part.sql.upper().endswith("IS NOT NULL") and set(part.columns) <= set(compared))
        for part in conjuncts(index.predicate, "")
    )
