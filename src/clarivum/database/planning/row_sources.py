"""What a FROM clause brings in: columns by alias, and whether each may be null as far as conditions tell. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType, NullTestType

from clarivum.database.planning.expression_nullability import Answer, either

Columns = Mapping[str, Answer]
Fact = tuple[str, str]
"""Alias (empty when not said) and column that are known not to be null."""
NULL_SAFE = (
    A_Expr_Kind.AEXPR_DISTINCT,
    A_Expr_Kind.AEXPR_NOT_DISTINCT,
    A_Expr_Kind.AEXPR_NULLIF,
    A_Expr_Kind.AEXPR_OP_ALL,
)
"""Comparisons that may hold of a null: `x <> all('{}')` holds of anything."""


@dataclass
class Sources:
    """The relations of a FROM item or of a whole FROM, in their order."""

    columns: dict[str, Columns | None] = field(default_factory=dict)
    """By alias; None where they are not known."""
    facts: set[Fact] = field(default_factory=set)
    """An empty alias stands for the column that the name alone means in this FROM."""
    merged: dict[str, Answer] = field(default_factory=dict)
    """Columns that USING or NATURAL made one of two."""

    def add(self, other: "Sources") -> None:
        self.columns.update(other.columns)
        self.facts |= other.facts
        self.merged.update(other.merged)

    def holders(self, column: str) -> list[str]:
        return [alias for alias, columns in self.columns.items() if columns and column in columns]

    @property
    def all_known(self) -> bool:
        return all(columns is not None for columns in self.columns.values())

    def lookup(self, alias: str, column: str) -> Answer:
        """Whether a column of the relation `alias` may be null."""
        return False if (alias, column) in self.facts else (self.columns[alias] or {}).get(column)

    def lookup_bare(self, column: str) -> Answer:
        """The same for a column named without its relation, which must be known to be one of these."""
        if ("", column) in self.facts:
            return False
        return self.merged[column] if column in self.merged else self.lookup(self.holders(column)[0], column)

    def has_bare(self, column: str) -> bool:
        return ("", column) in self.facts or column in self.merged or bool(self.holders(column))

    def left_out(self) -> "Sources":
        """As the side of an outer join that may have no row: everything may be null, whatever was known of it."""
        nulls = {alias: columns and dict.fromkeys(columns, True) for alias, columns in self.columns.items()}
        return Sources(dict(nulls), set(), dict.fromkeys(self.merged, True))

    def learn(self, condition: Any) -> None:
        """Take in a condition that every row of these relations meets."""
        for alias, column in not_null(condition):
            holders = self.holders(column)
            if alias:
                self.facts.add((alias, column))
            elif len(holders) == 1 and self.all_known:
                self.facts.add((holders[0], column))


def merge(left: Sources, right: Sources, names: Iterable[str], *, left_kept: bool, right_kept: bool) -> Sources:
    """Two sides joined on columns of these names; a side is kept when its rows appear without a partner as well."""
    joined = Sources()
    for side, out in ((left, right_kept), (right, left_kept)):
        joined.add(side.left_out() if out else side)
    for name in names:
        answers = [side.lookup_bare(name) if side.has_bare(name) else None for side in (left, right)]
        kept = [answer for answer, is_kept in zip(answers, (left_kept, right_kept), strict=True) if is_kept]
        joined.merged[name] = either(kept) if kept else False  # an inner join compares them
        if not kept:
            joined.facts |= {(side.holders(name)[0], name) for side in (left, right) if len(side.holders(name)) == 1}
    return joined


def common(left: Sources, right: Sources) -> list[str]:
    """The columns that a NATURAL join compares, as far as they are known."""
    names = [name for columns in left.columns.values() for name in columns or ()]
    return [name for name in dict.fromkeys(names) if right.holders(name)]


def not_null(condition: Any) -> Iterable[Fact]:
    """Columns that a row must have to pass a condition: compared by an operator, or said not to be null."""
    if isinstance(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
        for part in condition.args or ():
            yield from not_null(part)
    elif isinstance(condition, ast.NullTest) and condition.nulltesttype == NullTestType.IS_NOT_NULL:
        yield from _fact(condition.arg)
    elif isinstance(condition, ast.A_Expr) and condition.kind not in NULL_SAFE:
        is_list = condition.kind in (A_Expr_Kind.AEXPR_IN, A_Expr_Kind.AEXPR_OP_ANY)
        for side in (condition.lexpr,) if is_list else (condition.lexpr, condition.rexpr):
            yield from _fact(side)


def _fact(node: Any) -> Iterable[Fact]:
    if isinstance(node, ast.ColumnRef):
        names = [str(part.sval) for part in node.fields or () if isinstance(part, ast.String)]
        if names and len(names) == len(node.fields or ()):
            yield (names[-2] if len(names) > 1 else "", names[-1])
