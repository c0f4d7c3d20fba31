"""Which verbs a declared query needs on which tables. Pure: read from its syntax."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.visitors import Visitor

from clarivum.database.trial import Verb

CHANGES: dict[type, Verb] = {ast.InsertStmt: "insert", ast.UpdateStmt: "update", ast.DeleteStmt: "delete"}
Need = tuple[Verb, str]
"""A verb, and a table as `schema.name`."""


@lru_cache(4_096)
def needs_of(sql: str) -> frozenset[Need]:
    """The needs of one statement; RETURNING and ON CONFLICT DO UPDATE are counted too. None when it does not parse."""
    try:
        statements: Any = parse_sql(sql)
    except ParseError:
        return frozenset()
    found = _Needs()
    for raw in statements:
        found(raw.stmt)
    return frozenset(need for need in found.needs if need[1] not in found.temporary)


class _Needs(Visitor):
    """Collects what is changed and what is read; names that WITH gives are no tables."""

    def __init__(self) -> None:
        super().__init__()
        self.needs: set[Need] = set()
        self.temporary: set[str] = set()
        self._changed: set[int] = set()

    def visit(self, _ancestors: Any, node: Any) -> None:
        if isinstance(node, ast.CommonTableExpr):
            self.temporary.add(f"public.{node.ctename}")
        elif type(node) in CHANGES:
            self._changed.add(id(node.relation))
            for verb in _verbs(node):
                self.needs.add((verb, _name(node.relation)))
        elif isinstance(node, ast.RangeVar) and id(node) not in self._changed:
            self.needs.add(("select", _name(node)))


def _verbs(node: Any) -> Iterator[Verb]:
    yield CHANGES[type(node)]
    conflict = getattr(node, "onConflictClause", None)
    if conflict is not None and conflict.targetList:
        yield "update"
    if getattr(node, "returningList", None) or getattr(node, "returningClause", None):
        yield "select"


def _name(relation: Any) -> str:
    return f"{relation.schemaname or 'public'}.{relation.relname}"
