"""What a scan's conditions ask of a table. Pure: reads the expressions that EXPLAIN (VERBOSE) prints.

A condition is a conjunction; each conjunct is an equality or a range on some expression over the table, a predicate
with nothing unknown in it, or something else. Parameters, other tables' columns and the results of subplans are all
unknowns: the planner knows as little about them as we do."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType
from pglast.parser import ParseError
from pglast.stream import RawStream
from pglast.visitors import Visitor

SUBPLAN = re.compile(r"\((?:InitPlan|SubPlan|hashed SubPlan|CTE) [^()]*\)(?:\.col\d+)?|\$\d+")
CACHED = 4_096
"""Conditions remembered: one query's plans repeat them."""
EQUAL = frozenset({"=", "IS NOT DISTINCT FROM"})
RANGE = frozenset({"<", "<=", ">", ">=", "~<~", "~<=~", "~>~", "~>=~"})
"""The last four compare texts byte by byte: an index scan for LIKE with a fixed beginning uses them."""


class Shape(StrEnum):
    """What a conjunct is to an index."""

    EQUAL = "equal"
    """`expression = unknown or constant`: leads an index."""
    RANGE = "range"
    """`expression < …`, or a row of expressions: the last that an index can narrow by."""
    FIXED = "fixed"
    """Nothing unknown in it, such as `deleted_at IS NULL`: may be a partial index's predicate."""
    OTHER = "other"
    """No B-tree index narrows it."""


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One of a condition's conjuncts, its columns without the table's alias."""

    shape: Shape
    expressions: tuple[str, ...]
    """The table's expressions that are compared, as an index would name them; one unless a row is compared."""
    sql: str
    """The conjunct with `$1` for every unknown; empty when it could not be read."""
    columns: tuple[str, ...] = ()
    """The table's columns in it. None: the conjunct is a gate, the same for every row."""

    @property
    def is_gate(self) -> bool:
        return bool(self.sql) and not self.columns


@lru_cache(CACHED)
def conjuncts(condition: str, alias: str) -> tuple[Conjunct, ...]:
    """The conjuncts of a condition on the table known as `alias`; one of shape OTHER when it cannot be read."""
    if not condition:
        return ()
    text = SUBPLAN.sub("$1", condition)
    try:
        select = _select(f"select 1 where {text}")
    except ParseError:
        return (Conjunct(Shape.OTHER, (), ""),)
    _OwnColumns(alias)(select)
    where = select.whereClause
    is_and = isinstance(where, ast.BoolExpr) and where.boolop == BoolExprType.AND_EXPR
    parts = list(where.args) if is_and else [where]
    return tuple(replace(_conjunct(part), columns=tuple(_mentions(part).columns)) for part in parts)


def question(parts: tuple[Conjunct, ...]) -> str:
    """The conjuncts as one condition whose unknowns are numbered; those that could not be read are left out."""
    numbers = iter(range(1, 1_000))
    joined = " and ".join(f"({part.sql})" for part in parts if part.sql)
    return re.sub(r"\$1\b", lambda _: f"${next(numbers)}", joined)


@lru_cache(CACHED)
def normal(expression: str) -> str:
    """An expression as this module prints it, so that two spellings of one compare equal."""
    try:
        select = _select(f"select {expression}")
    except ParseError:
        return expression
    return _print(_bare(select.targetList[0].val))


class _OwnColumns(Visitor):
    """Takes the alias off the table's own columns and makes every other column an unknown."""

    def __init__(self, alias: str) -> None:
        super().__init__()
        self.alias = alias

    def visit_ColumnRef(self, ancestors: object, node: Any) -> Any:
        names = [field.sval for field in node.fields if isinstance(field, ast.String)]
        if len(names) == 1:
            return None
        if names[-2] == self.alias:
            return ast.ColumnRef(fields=(ast.String(sval=names[-1]),))
        return ast.ParamRef(number=1)


class _Finder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.columns: dict[str, None] = {}
        self.unknowns = False

    def visit_ColumnRef(self, ancestors: object, node: Any) -> None:
        self.columns[node.fields[-1].sval] = None

    def visit_ParamRef(self, ancestors: object, node: Any) -> None:
        self.unknowns = True


def _select(sql: str) -> Any:
    statements: Any = parse_sql(sql)
    return statements[0].stmt


def _conjunct(node: Any) -> Conjunct:
    sql = _print(node)
    if isinstance(node, ast.A_Expr):
        name: Any = node.name
        operator = name[-1].sval
        left, right = node.lexpr, node.rexpr
        if bool(_mentions(left).columns) == bool(_mentions(right).columns):
            return Conjunct(Shape.OTHER, (), sql)
        mine = left if _mentions(left).columns else right
        if node.kind == A_Expr_Kind.AEXPR_OP_ANY and operator == "=" and mine is left:
            return Conjunct(Shape.EQUAL, _expressions(mine), sql)
        if node.kind in (A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_NOT_DISTINCT):
            if operator in EQUAL:
                return Conjunct(Shape.EQUAL, _expressions(mine), sql)
            if operator in RANGE:
                return Conjunct(Shape.RANGE, _expressions(mine), sql)
    if isinstance(node, ast.ColumnRef):
        return Conjunct(Shape.FIXED, (sql,), sql)
    found = _mentions(node)
    if found.columns and not found.unknowns and isinstance(node, ast.NullTest | ast.BooleanTest | ast.BoolExpr):
        return Conjunct(Shape.FIXED, (), sql)
    return Conjunct(Shape.OTHER, (), sql)


def _mentions(node: Any) -> _Finder:
    finder = _Finder()
    finder(ast.SelectStmt(targetList=(ast.ResTarget(val=node),)))  # a visitor wants a statement
    return finder


def _expressions(node: Any) -> tuple[str, ...]:
    members: Any = node.args if isinstance(node, ast.RowExpr) else (node,)
    return tuple(_print(_bare(member)) for member in members)


def _bare(node: Any) -> Any:
    """`(column)::text` is how a varchar column is compared; an index on the column itself serves it."""
    if isinstance(node, ast.TypeCast) and isinstance(node.arg, ast.ColumnRef):
        name: Any = node.typeName
        if name.names[-1].sval in {"text", "bpchar", "varchar"}:
            return node.arg
    return node


def _print(node: Any) -> str:
    return str(RawStream()(node))
