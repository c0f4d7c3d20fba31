"""What squawk is right about only sometimes, told apart by the statement itself. Pure.

A status code, an attempt or a revision never comes near two thousand million; a 32-bit id does, and then every insert
fails. So of its findings about narrow integers only those on keys are kept. A constraint that is dropped to be added
again, changed, in the same file is not gone. And of a partitioned table nothing is asked that Postgres does not offer.
"""

from functools import cached_property
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import AlterTableType, ConstrType
from pglast.visitors import Visitor

from clarivum.checks.statements.naming import of_relation
from clarivum.checks.statements.partitioned import Partitioned

WIDTHS = frozenset({"prefer-bigint-over-int", "prefer-bigint-over-smallint"})
DROPPED = "ban-drop-constraint"
GENTLER = frozenset(
    {
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
        "constraint-missing-not-valid",
        "adding-foreign-key-constraint",
        "disallowed-unique-constraint",
        "adding-serial-primary-key-field",
    }
)
"""Rules that ask for a way of doing it which partitioned tables lack."""
KEYS = frozenset({ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_FOREIGN, ConstrType.CONSTR_IDENTITY})
SERIALS = frozenset({"serial", "serial4", "smallserial", "serial2"})


class Exemptions:
    """What of one file need not be told. The text is parsed when the first such finding comes."""

    def __init__(self, text: str, partitioned: Partitioned) -> None:
        self._text = text
        self._partitioned = partitioned

    def cover(self, rule: str, line: int, column: int) -> bool:
        """Whether a finding of squawk's, at a place from 0, is none here."""
        offset = sum(map(len, self._text.splitlines(keepends=True)[:line])) + column
        if rule in WIDTHS:
            before = [each for each in self._parsed.columns if each[0] <= offset]
            return bool(before) and not max(before, key=lambda each: each[0])[1]
        if rule == DROPPED:
            return self._is_replaced(self._statement_at(offset))
        return rule in GENTLER and self._partitioned.lacks_gentler(self._statement_at(offset))

    @cached_property
    def _parsed(self) -> "_Definitions":
        finder = _Definitions()
        for raw in parse_sql(self._text):
            assert raw.stmt is not None
            finder(raw.stmt)
        return finder

    def _statement_at(self, offset: int) -> Any:
        """The statement that an offset lies in; None outside all."""
        for raw in parse_sql(self._text):
            begin = raw.stmt_location or 0
            if begin <= offset < begin + (raw.stmt_len or len(self._text)):
                return raw.stmt
        return None

    def _is_replaced(self, node: Any) -> bool:
        """Whether each constraint that a statement drops is added again in the file."""
        if not isinstance(node, ast.AlterTableStmt):
            return False
        table = of_relation(node.relation)
        dropped = {each.name for each in node.cmds or () if each.subtype == AlterTableType.AT_DropConstraint}
        return all((table, name) in self._parsed.added for name in dropped)


class _Definitions(Visitor):
    """The place of every column definition and whether it is a key's; the constraints that are added by name."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: list[tuple[int, bool]] = []
        self.added: set[tuple[str, str]] = set()

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
                self.columns.append((int(each.location or 0), each.colname in named or _is_key(each)))

    def visit_AlterTableStmt(self, ancestors: object, node: Any) -> None:
        for command in node.cmds or ():
            if command.subtype == AlterTableType.AT_AddConstraint and command.def_.conname:
                self.added.add((of_relation(node.relation), command.def_.conname))
            elif isinstance(command.def_, ast.ColumnDef) and command.def_.colname:
                self.columns.append((int(command.def_.location or 0), _is_key(command.def_)))


def _is_key(column: Any) -> bool:
    serial = column.typeName is not None and str(column.typeName.names[-1].sval) in SERIALS
    return serial or any(each.contype in KEYS for each in column.constraints or ())
