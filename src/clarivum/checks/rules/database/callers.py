"""Which columns a policy compares with who is asking."""

from collections.abc import Iterable, Iterator
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, SQLValueFunctionOp, SubLinkType
from pglast.parser import ParseError

from clarivum.checks.function_body import parse, read_body
from clarivum.checks.rules.database.evaluated import called, walk
from clarivum.database.planning import Function, Table

ASKING = frozenset({"jwt", "uid", "email", "current_setting", "subject", "claims"})
"""Functions that say who is asking: those of Supabase's schema auth and of the platform."""
WHO = frozenset(
    {
        SQLValueFunctionOp.SVFOP_CURRENT_USER,
        SQLValueFunctionOp.SVFOP_SESSION_USER,
        SQLValueFunctionOp.SVFOP_USER,
    }
)
EQUAL = frozenset(
    {A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_OP_ANY, A_Expr_Kind.AEXPR_IN, A_Expr_Kind.AEXPR_NOT_DISTINCT}
)


class Callers:
    """Knows the functions by which policies ask, those of the application included."""

    def __init__(self, functions: Iterable[Function]) -> None:
        bodies = {each.name.rpartition(".")[2]: read_body(each.definition).statements for each in functions}
        self._asking = set(ASKING)
        while found := {name for name, body in bodies.items() if name not in self._asking and self._asks(body)}:
            self._asking |= found

    @property
    def asking(self) -> frozenset[str]:
        """Names of the functions whose answer depends on who is asking."""
        return frozenset(self._asking)

    def compared(self, condition: str, table: Table) -> frozenset[str]:
        """The columns of `table` that a condition of one of its policies compares with something about the caller."""
        try:
            statements = parse(f"select {condition}")
        except ParseError:
            return frozenset()
        return frozenset(self._columns(statements, table, in_question=False))

    def _asks(self, node: Any) -> bool:
        return any(
            called(each) in self._asking or (isinstance(each, ast.SQLValueFunction) and each.op in WHO)
            for each in walk(node)
        )

    def _columns(self, node: Any, table: Table, *, in_question: bool) -> Iterator[str]:
        """`in_question`: inside a subquery that asks who is asking, where the table's columns are qualified."""
        if isinstance(node, tuple | list):
            for member in node:
                yield from self._columns(member, table, in_question=in_question)
            return
        if not isinstance(node, ast.Node):
            return
        if isinstance(node, ast.A_Expr) and node.kind in EQUAL and _operator(node) == "=":
            for mine, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
                column = _column(mine, table, qualified=in_question)
                if column and (in_question or self._asks(other)):
                    yield column
        if isinstance(node, ast.SubLink):
            asks = self._asks(node.subselect)
            column = _column(node.testexpr, table, qualified=in_question)
            if column and asks and node.subLinkType == SubLinkType.ANY_SUBLINK:
                yield column
            in_question = in_question or asks
        for field in node:
            yield from self._columns(getattr(node, field), table, in_question=in_question)


def _operator(node: Any) -> str:
    return str(node.name[-1].sval)


def _column(node: Any, table: Table, *, qualified: bool) -> str:
    """The column of `table` that a node is, be it cast; empty when it is something else."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    if not isinstance(node, ast.ColumnRef):
        return ""
    fields: Any = node.fields
    names = [str(field.sval) for field in fields if isinstance(field, ast.String)]
    mine = len(names) > 1 and names[-2] == table.name
    known = bool(names) and table.column(names[-1]) is not None
    return names[-1] if known and (mine if qualified else mine or len(names) == 1) else ""
