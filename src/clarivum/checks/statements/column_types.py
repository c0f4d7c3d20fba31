"""Column types as the migrations leave them, and which changes of type keep every value where it lies. Pure.

Source: ALTER TABLE's reference page ("neither the table nor its indexes are rewritten when the old type is either
binary coercible to the new type or an unconstrained domain over it"), and the transform functions of varchar, numeric,
varbit and the time types, which spare the rewrite when a limit grows.
"""

from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType as Alter
from pglast.enums import ObjectType

from clarivum.checks.statements.naming import of_relation
from clarivum.database.planning.column_names import ColumnNames

SPELLINGS = {"int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2", "char": "bpchar"}
COERCIBLE = frozenset({("varchar", "text"), ("text", "varchar"), ("cidr", "inet")})
GROWING = frozenset({"varchar", "varbit", "time", "timetz", "timestamp", "timestamptz"})


@dataclass(frozen=True, slots=True)
class ColumnType:
    """`numeric(10,2)`: its name, the numbers in brackets, and how many dimensions."""

    name: str
    limits: tuple[int, ...] = ()
    dimensions: int = 0

    def __str__(self) -> str:
        limits = f"({','.join(map(str, self.limits))})" if self.limits else ""
        return f"{self.name}{limits}{'[]' * self.dimensions}"


@dataclass(slots=True)
class ColumnTypes:
    """The types of all columns that stand before a statement; `follow` takes it one statement further."""

    by_name: dict[str, ColumnType] = field(default_factory=dict)
    """By `schema.table.column`."""
    evaluated: set[str] = field(default_factory=set)
    """Columns in a CHECK, or in an expression or predicate of an index, dropped ones included: with the type of such a
    column the constraint is checked, or the index built, anew.
    """

    def copy(self) -> "ColumnTypes":
        return ColumnTypes(dict(self.by_name), set(self.evaluated))

    def follow(self, node: Any) -> None:
        """Take in a statement."""
        if isinstance(node, ast.CreateStmt):
            for element in node.tableElts or ():
                if isinstance(element, ast.ColumnDef) and element.typeName is not None:
                    self.by_name[f"{of_relation(node.relation)}.{element.colname}"] = type_of(element.typeName)
                self._evaluate(of_relation(node.relation), element)
        elif isinstance(node, ast.IndexStmt):
            expressions = [each.expr for each in node.indexParams or () if each.expr is not None]
            for part in filter(None, (*expressions, node.whereClause)):
                self._evaluate(of_relation(node.relation), part)
        elif isinstance(node, ast.AlterTableStmt):
            for command in node.cmds or ():
                self._alter(of_relation(node.relation), command)
        elif isinstance(node, ast.RenameStmt) and node.relation is not None:
            before, after = renamed(node)
            for name in [name for name in self.by_name if name == before or name.startswith(f"{before}.")]:
                self.by_name[after + name.removeprefix(before)] = self.by_name.pop(name)
            within = {name for name in self.evaluated if name == before or name.startswith(f"{before}.")}
            self.evaluated |= {after + name.removeprefix(before) for name in within}

    def keep_values(self, table: str, command: Any) -> bool:
        """Whether an ALTER COLUMN … TYPE leaves every value where it lies."""
        old = self.by_name.get(f"{table}.{command.name}")
        return command.def_.raw_default is None and keeps_values(old, type_of(command.def_.typeName))

    def _evaluate(self, table: str, part: Any) -> None:
        """Take in the columns that a definition, constraint or expression names; a key names its columns otherwise."""
        finder = ColumnNames()
        finder(part)
        self.evaluated |= {f"{table}.{name}" for name in finder.names}

    def _alter(self, table: str, command: Any) -> None:
        if command.subtype == Alter.AT_AddColumn:
            self.by_name[f"{table}.{command.def_.colname}"] = type_of(command.def_.typeName)
        elif command.subtype == Alter.AT_AlterColumnType:
            self.by_name[f"{table}.{command.name}"] = type_of(command.def_.typeName)
        if command.subtype in {Alter.AT_AddColumn, Alter.AT_AddConstraint}:
            self._evaluate(table, command.def_)


def renamed(node: Any) -> tuple[str, str]:
    """Old and new name of what a RENAME on a relation renames: `schema.table` or `schema.table.column`."""
    old = of_relation(node.relation)
    if node.renameType == ObjectType.OBJECT_COLUMN:
        return f"{old}.{node.subname}", f"{old}.{node.newname}"
    return old, f"{old.partition('.')[0]}.{node.newname}"


def type_of(given: Any) -> ColumnType:
    """The type that a TypeName of the grammar means."""
    name = str(given.names[-1].sval)
    limits = tuple(
        int(each.val.ival or 0)
        for each in given.typmods or ()
        if isinstance(each, ast.A_Const) and isinstance(each.val, ast.Integer)
    )
    return ColumnType(SPELLINGS.get(name, name), limits, len(given.arrayBounds or ()))


def keeps_values(old: ColumnType | None, new: ColumnType) -> bool:
    """Whether a column changes its type without a rewrite and without losing anything; False for an unknown `old`."""
    if old is None or old.dimensions != new.dimensions:
        return False
    if old == new or ((old.name, new.name) in COERCIBLE and not new.limits):
        return True
    if old.name != new.name:
        return False
    if old.name in GROWING:
        return not new.limits or (bool(old.limits) and new.limits[0] >= old.limits[0])
    if old.name == "numeric":
        return not new.limits or (
            bool(old.limits) and new.limits[0] >= old.limits[0] and old.limits[1:] == new.limits[1:]
        )
    return False
