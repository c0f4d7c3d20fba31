"""Whether one expression may be null. Pure: columns and subqueries are asked of whoever knows the statement."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, SQLValueFunctionOp, SubLinkType

from clarivum.database.planning.function_nullability import (
    COLLECTING,
    NEVER,
    OFFSET,
    SPREADING,
    STRICT,
    SUMMING,
    may_fail_to_find,
)

Answer = bool | None
Lookup = Callable[[str, str], Answer]
"""Whether a column, by alias (empty when not said) and name, may be null."""

DIGGING = frozenset({"->", "->>", "#>", "#>>", "@?"})
"""Operators that return null for what is not there."""
UNSURE = frozenset({"@@"})
"""Operators that return null for some operands of some types."""
FRAMEOPTION_NONDEFAULT = 0x1
"""Of Postgres' parsenodes.h: the window says itself which rows around the current one count."""


def either(answers: "list[Answer]") -> Answer:
    """Whether one of them may be null."""
    return True if True in answers else None if None in answers else False


@dataclass
class Judge:
    """Judges the expressions of one SELECT list. `grouped`: it has a GROUP BY, so no group is empty."""

    grouped: bool = False
    framed: frozenset[str] = frozenset()
    """The windows, by name, whose frame may leave the current row out."""
    lookup: Lookup = lambda alias, column: None
    subselect: Callable[[Any], Answer] = lambda node: None

    def nullable(self, node: Any) -> Answer:
        match node:
            case ast.A_Const():
                return bool(node.isnull)
            case ast.ColumnRef():
                names = [part.sval for part in node.fields or () if isinstance(part, ast.String)]
                if not names or len(names) != len(node.fields or ()):
                    return None
                return self.lookup(str(names[-2]) if len(names) > 1 else "", str(names[-1]))
            case ast.TypeCast() | ast.CollateClause():
                return self.nullable(node.arg)
            case ast.FuncCall():
                return self._call(node)
            case ast.CoalesceExpr() | ast.MinMaxExpr():
                answers = [self.nullable(each) for each in node.args or ()]
                return False if False in answers else None if None in answers else True
            case ast.CaseExpr():
                whens: Any = node.args or ()
                default = True if node.defresult is None else self.nullable(node.defresult)
                return either([*(self.nullable(when.result) for when in whens), default])
            case ast.BoolExpr():
                return either([self.nullable(each) for each in node.args or ()])
            case ast.A_Expr():
                return self._operation(node)
            case ast.SubLink():
                return self._sublink(node)
            case ast.SQLValueFunction():
                return None if node.op == SQLValueFunctionOp.SVFOP_CURRENT_SCHEMA else False
            case (
                ast.NullTest()
                | ast.BooleanTest()
                | ast.A_ArrayExpr()
                | ast.RowExpr()
                | ast.GroupingFunc()
                | ast.JsonObjectConstructor()
                | ast.JsonArrayConstructor()
            ):
                return False
        return None

    def _call(self, node: Any) -> Answer:
        *schema, name = [str(part.sval) for part in node.funcname]
        if schema not in ([], ["pg_catalog"]) or node.func_variadic:
            return None
        arguments = [self.nullable(each) for each in node.args or ()]
        if name in NEVER:
            return False
        if name in OFFSET:
            return either(arguments) if name != "nth_value" and len(arguments) == 3 else True
        if name in SUMMING:
            return self._aggregate(node, name, arguments)
        if name in STRICT:
            return True if True in arguments else None if may_fail_to_find(node) else either(arguments)
        return None

    def _aggregate(self, node: Any, name: str, arguments: list[Answer]) -> Answer:
        """An aggregate that is null over no rows."""
        if node.agg_filter is not None or (node.over is None and not self.grouped):
            return True
        if name in SPREADING or (node.over is not None and (has_frame(node.over) or node.over.name in self.framed)):
            return None
        if name in COLLECTING and node.over is None:
            return False
        if node.agg_within_group:
            return either([*arguments, *(self.nullable(each.node) for each in node.agg_order or ())])
        return either(arguments[:1])

    def _operation(self, node: Any) -> Answer:
        if node.kind in (A_Expr_Kind.AEXPR_DISTINCT, A_Expr_Kind.AEXPR_NOT_DISTINCT):
            return False
        operator = node.name[-1].sval
        if node.kind == A_Expr_Kind.AEXPR_NULLIF or operator in DIGGING:
            return True
        any_or_all = node.kind in (A_Expr_Kind.AEXPR_OP_ANY, A_Expr_Kind.AEXPR_OP_ALL)
        is_written_out = isinstance(node.rexpr, ast.A_ArrayExpr)
        right = node.rexpr.elements if any_or_all and is_written_out else node.rexpr
        answer = either([self.nullable(each) for each in _operands(node.lexpr, right)])
        is_unsure = operator in UNSURE or (any_or_all and not is_written_out)  # an array may hold nulls
        return None if is_unsure and answer is False else answer

    def _sublink(self, node: Any) -> Answer:
        if node.subLinkType in (SubLinkType.EXISTS_SUBLINK, SubLinkType.ARRAY_SUBLINK):
            return False
        if node.subLinkType != SubLinkType.EXPR_SUBLINK:
            return None
        return self.subselect(node.subselect) if _returns_one_row(node.subselect) else True


def has_frame(window: Any) -> bool:
    """Whether a window says itself which rows count, so that there may be none."""
    return bool(int(window.frameOptions or 0) & FRAMEOPTION_NONDEFAULT)


def _operands(*given: Any) -> list[Any]:
    """What an operator compares: the members of lists and rows that are written out."""
    found: list[Any] = []
    for each in given:
        if isinstance(each, tuple | list):
            found += _operands(*each)
        elif isinstance(each, ast.RowExpr):
            found += _operands(*(each.args or ()))
        elif each is not None:
            found.append(each)
    return found


def _returns_one_row(select: Any) -> bool:
    """Whether a subselect always has exactly one row: it has no FROM and no WHERE, or aggregates without groups."""
    if not isinstance(select, ast.SelectStmt) or select.groupClause or select.havingClause:
        return False
    if select.limitCount or select.limitOffset:
        return False
    if not select.fromClause:
        return select.whereClause is None and not select.valuesLists and not int(select.op or 0)
    targets: Any = select.targetList or ()
    return all(_aggregates(target.val) for target in targets)


def _aggregates(node: Any) -> bool:
    """Whether an expression holds an aggregate of its own SELECT, not of one inside it."""
    if isinstance(node, ast.FuncCall) and node.over is None:
        path: Any = node.funcname
        if path[-1].sval in SUMMING or path[-1].sval == "count":
            return True
    if isinstance(node, ast.SubLink):
        return False
    children = (getattr(node, name) for name in node) if isinstance(node, ast.Node) else node
    return isinstance(node, ast.Node | tuple | list) and any(_aggregates(child) for child in children)
