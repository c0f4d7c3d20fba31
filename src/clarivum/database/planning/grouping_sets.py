"""GROUP BY with ROLLUP, CUBE or GROUPING SETS: what it leaves null in the rows of the coarser groups. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pglast import ast

from clarivum.database.planning.column_names import ColumnNames
from clarivum.database.planning.expression_nullability import Answer, Lookup


@dataclass(frozen=True, slots=True)
class GroupingSets:
    """The columns, by name, that every row is grouped by, and those that only some are."""

    always: frozenset[str]
    sometimes: frozenset[str]

    @classmethod
    def of(cls, items: Iterable[Any]) -> "GroupingSets | None":
        """None for a GROUP BY of one set."""
        plain = [item for item in items if not isinstance(item, ast.GroupingSet)]
        sets = [item for item in items if isinstance(item, ast.GroupingSet)]
        return cls(_columns(plain), _columns(sets)) if sets else None

    def lookup(self, below: Lookup) -> Lookup:
        """Columns as the result has them; one that is neither is grouped by an expression, or by its number."""

        def look(alias: str, column: str) -> Answer:
            if column in self.always:
                return None if column in self.sometimes else below(alias, column)
            return True if column in self.sometimes else None

        return look

    def unless_grouped(self, value: Any, answer: Answer) -> Answer:
        """The answer for an expression, which may be one that only some rows are grouped by."""
        is_counted = isinstance(value, ast.GroupingFunc) or (isinstance(value, ast.FuncCall) and _is_count(value))
        is_always = isinstance(value, ast.ColumnRef)
        return answer if answer is not False or is_counted or is_always else None


def _is_count(call: Any) -> bool:
    return str(call.funcname[-1].sval) == "count"


def _columns(items: Iterable[Any]) -> frozenset[str]:
    finder = ColumnNames()
    for item in items:
        finder(ast.SelectStmt(groupClause=(item,)))
    return frozenset(finder.names)
