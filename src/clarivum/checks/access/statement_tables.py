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
    """The needs of one statement; RETURNING and ON CONFLICT DO UPDATE are counted too.

    Empty when it does not parse, which the rule `database/query-invalid` tells.
    """
    try:
        statements: Any = parse_sql(sql)
    except ParseError:
        return frozenset()
    found = _Needs()
    for raw in statements:
        found(raw.stmt)
    return frozenset(found.needs)


class _Needs(Visitor):
    """Collects what is changed and what is read; names that WITH gives are no tables where they are known."""

    def __init__(self) -> None:
        super().__init__()
        self.needs: set[Need] = set()
        self._changed: set[int] = set()

    def visit(self, ancestors: Any, node: Any) -> None:
        if type(node) in CHANGES:
            self._changed.add(id(node.relation))
            for verb in _verbs(node):
                self.needs.add((verb, _name(node.relation)))
        elif isinstance(node, ast.RangeVar) and id(node) not in self._changed and not _is_given(node, ancestors):
            self.needs.add(("select", _name(node)))


def _is_given(node: Any, ancestors: Any) -> bool:
    """Whether a name is one that WITH gives, which no schema stands before."""
    return node.schemaname is None and node.relname in _given_names(ancestors)


def _given_names(ancestors: Any) -> set[str]:
    """The names that WITH gives at a place: those of every statement around it, and inside a WITH that is not
    RECURSIVE only those before it, so that `with leads as (select … from leads)` reads the table."""
    names: set[str] = set()
    index = 0
    while ancestors is not None and ancestors.node is not None:
        node, member = ancestors.node, ancestors.member
        if isinstance(node, tuple):
            index = member
        elif isinstance(node, ast.WithClause):
            given = node.ctes or ()
            names.update(each.ctename for each in (given if node.recursive else given[:index]))
        elif member != "withClause" and getattr(node, "withClause", None) is not None:
            names.update(each.ctename for each in node.withClause.ctes)
        ancestors = ancestors.parent
    return names


def _verbs(node: Any) -> Iterator[Verb]:
    yield CHANGES[type(node)]
    conflict = getattr(node, "onConflictClause", None)
    if conflict is not None and conflict.targetList:
        yield "update"
    if getattr(node, "returningList", None) or getattr(node, "returningClause", None):
        yield "select"


def _name(relation: Any) -> str:
    return f"{relation.schemaname or 'public'}.{relation.relname}"
