"""Whether one expression may be null. Pure: columns and subqueries are asked of whoever knows the statement."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, SubLinkType

Answer = bool | None

NEVER = frozenset(
    [
        "clock_timestamp",
        "concat",
        "count",
        "cume_dist",
        "current_database",
        "dense_rank",
        "gen_random_uuid",
        "json_build_array",
        "json_build_object",
        "jsonb_build_array",
        "jsonb_build_object",
        "now",
        "ntile",
        "percent_rank",
        "pg_backend_pid",
        "random",
        "rank",
        "row_number",
        "statement_timestamp",
        "timeofday",
        "transaction_timestamp",
        "txid_current",
        "uuidv4",
        "uuidv7",
    ]
)
"""Functions that never return null; `count` among them."""
COLLECTING = frozenset({"array_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"})
"""Aggregates that have a value as soon as there is one row, be it null."""
AGGREGATES = COLLECTING | frozenset({"avg", "bit_and", "bit_or", "bool_and", "bool_or", "every", "max", "min"})
SUMMING = AGGREGATES | frozenset({"stddev", "string_agg", "sum", "variance", "mode", "percentile_cont", "any_value"})
"""Aggregates that are null over no rows."""
OFFSET = frozenset({"lag", "lead", "nth_value"})
STRICT = frozenset(
    [
        "abs",
        "btrim",
        "ceil",
        "ceiling",
        "char_length",
        "character_length",
        "date_part",
        "date_trunc",
        "decode",
        "encode",
        "extract",
        "floor",
        "initcap",
        "json_array_length",
        "jsonb_array_length",
        "left",
        "length",
        "lower",
        "lpad",
        "ltrim",
        "md5",
        "mod",
        "octet_length",
        "overlay",
        "position",
        "power",
        "replace",
        "reverse",
        "right",
        "round",
        "rpad",
        "rtrim",
        "sha256",
        "split_part",
        "sqrt",
        "strpos",
        "substr",
        "substring",
        "timezone",
        "to_char",
        "to_date",
        "to_json",
        "to_jsonb",
        "to_number",
        "to_timestamp",
        "translate",
        "trunc",
        "upper",
    ]
) - {"array_length"}
"""Functions that return null for a null argument and otherwise not."""
DIGGING = frozenset({"->", "->>", "#>", "#>>", "@?"})
"""Operators that return null for what is not there."""


def either(answers: "list[Answer]") -> Answer:
    """Whether one of them may be null."""
    return True if True in answers else None if None in answers else False


@dataclass
class Judge:
    """Judges the expressions of one SELECT list. `grouped`: it has a GROUP BY, so no group is empty."""

    grouped: bool = False
    lookup: Callable[[str, str], Answer] = lambda alias, column: None
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
            case (
                ast.NullTest()
                | ast.BooleanTest()
                | ast.A_ArrayExpr()
                | ast.RowExpr()
                | ast.SQLValueFunction()
                | ast.GroupingFunc()
                | ast.JsonObjectConstructor()
                | ast.JsonArrayConstructor()
            ):
                return False
        return None

    def _call(self, node: Any) -> Answer:
        name = node.funcname[-1].sval
        arguments = [self.nullable(each) for each in node.args or ()]
        if name in NEVER:
            return False
        if name in OFFSET:
            return either([arguments[0], arguments[2]]) if name != "nth_value" and len(arguments) == 3 else True
        if name in SUMMING:
            if node.over is None and (not self.grouped or node.agg_filter is not None):
                return True
            return False if name in COLLECTING and node.over is None else either(arguments[:1])
        if name in STRICT:
            return either(arguments)
        return None

    def _operation(self, node: Any) -> Answer:
        if node.kind in (A_Expr_Kind.AEXPR_DISTINCT, A_Expr_Kind.AEXPR_NOT_DISTINCT):
            return False
        if node.kind == A_Expr_Kind.AEXPR_NULLIF or node.name[-1].sval in DIGGING:
            return True
        right = node.rexpr if isinstance(node.rexpr, tuple | list) else (node.rexpr,)
        sides = [each for each in (node.lexpr, *right) if each is not None]
        return either([self.nullable(each) for each in sides])

    def _sublink(self, node: Any) -> Answer:
        if node.subLinkType in (SubLinkType.EXISTS_SUBLINK, SubLinkType.ARRAY_SUBLINK):
            return False
        if node.subLinkType != SubLinkType.EXPR_SUBLINK:
            return None
        return self.subselect(node.subselect) if _returns_one_row(node.subselect) else True


def _returns_one_row(select: Any) -> bool:
    """Whether a subselect always has exactly one row: it has no FROM and no WHERE, or aggregates without groups."""
    if not isinstance(select, ast.SelectStmt) or select.groupClause or select.havingClause or select.limitCount:
        return False
    if not select.fromClause:
        return select.whereClause is None and not select.valuesLists and not int(select.op or 0)
    targets: Any = select.targetList or ()
    return all(_aggregates(target.val) for target in targets)


def _aggregates(node: Any) -> bool:
    if isinstance(node, ast.FuncCall) and node.over is None:
        path: Any = node.funcname
        if path[-1].sval in SUMMING or path[-1].sval == "count":
            return True
    children = (getattr(node, name) for name in node) if isinstance(node, ast.Node) else node
    return isinstance(node, ast.Node | tuple | list) and any(_aggregates(child) for child in children)
