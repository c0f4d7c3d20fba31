"""The columns that an expression names, without their tables. Pure."""

from typing import Any

from pglast import ast
from pglast.visitors import Visitor


class ColumnNames(Visitor):
    """Called with a node, it adds to `names`."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def visit_ColumnRef(self, ancestors: object, node: ast.ColumnRef) -> None:
        last: Any = (node.fields or ())[-1]
        if isinstance(last, ast.String):
            self.names.add(str(last.sval))
