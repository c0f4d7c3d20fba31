"""Names of objects as a statement spells them, made whole: `leads` is `public.leads`."""

from collections.abc import Iterator, Sequence
from typing import Any

from pglast import ast
from pglast.visitors import Visitor

DEFAULT_SCHEMA = "public"


def of_relation(relation: Any) -> str:
    """`schema.name` of a RangeVar."""
    return f"{relation.schemaname or DEFAULT_SCHEMA}.{relation.relname}"


def of_words(words: Sequence[Any]) -> str:
    """`schema.name` of a name given as one to three strings (`database.schema.name`)."""
    parts = [str(word.sval) for word in words][-2:]
    return ".".join(parts if len(parts) == 2 else [DEFAULT_SCHEMA, *parts])


def relations_within(node: Any) -> Iterator[str]:
    """Every table that a statement or a part of one names, common table expressions left out."""
    finder = _Relations()
    finder(node)
    local = {f"{DEFAULT_SCHEMA}.{name}" for name in finder.local}
    return (name for name in dict.fromkeys(finder.names) if name not in local)


class _Relations(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.local: set[str] = set()

    def visit_RangeVar(self, ancestors: object, node: ast.RangeVar) -> None:
        self.names.append(of_relation(node))

    def visit_CommonTableExpr(self, ancestors: object, node: ast.CommonTableExpr) -> None:
        self.local.add(str(node.ctename))
