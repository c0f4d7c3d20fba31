"""Which narrow integers squawk is right about: those that count up, keys and what refers to them. Pure.

A status code, an attempt or a revision never comes near two thousand million; a 32-bit id does, and then every insert
fails. So of squawk's findings about widths only those on keys are kept.
"""

from functools import cached_property
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import ConstrType
from pglast.visitors import Visitor

WIDTHS = frozenset({"prefer-bigint-over-int", "prefer-bigint-over-smallint"})
KEYS = frozenset({ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_FOREIGN, ConstrType.CONSTR_IDENTITY})
SERIALS = frozenset({"serial", "serial4", "smallserial", "serial2"})


class Columns:
    """The columns that a file defines, and which of them are keys. Parsed when the first place is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _found(self) -> list[tuple[int, bool]]:
        finder = _Columns()
        for raw in parse_sql(self._text):
            assert raw.stmt is not None
            finder(raw.stmt)
        return finder.found

    def is_key(self, line: int, column: int) -> bool:
        """Whether the type at a place (both from 0) is that of a key; True where no column is found there."""
        offset = sum(map(len, self._text.splitlines(keepends=True)[:line])) + column
        before = [each for each in self._found if each[0] <= offset]
        return max(before, key=lambda each: each[0])[1] if before else True


class _Columns(Visitor):
    """The place of every column definition, and whether the column is a key."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, bool]] = []

    def visit_CreateStmt(self, ancestors: object, node: Any) -> None:
        elements = node.tableElts or ()
        named = {
            str(name.sval)
            for each in elements
            if isinstance(each, ast.Constraint) and each.contype in KEYS
            for name in (*(each.keys or ()), *(each.fk_attrs or ()))
        }
        for each in elements:
            if isinstance(each, ast.ColumnDef):
                self.found.append((int(each.location or 0), each.colname in named or _is_key(each)))

    def visit_AlterTableCmd(self, ancestors: object, node: Any) -> None:
        if isinstance(node.def_, ast.ColumnDef) and node.def_.colname:
            self.found.append((int(node.def_.location or 0), _is_key(node.def_)))


def _is_key(column: Any) -> bool:
    serial = column.typeName is not None and str(column.typeName.names[-1].sval) in SERIALS
    return serial or any(each.contype in KEYS for each in column.constraints or ())
