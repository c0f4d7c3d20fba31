"""Statements that destroy what a database holds: what is lost, and how to go about it instead. Pure.

What the same file made is not lost: nobody has stored anything in it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType as Alter
from pglast.enums import DropBehavior, ObjectType

from clarivum.checks.statements.column_types import ColumnTypes, renamed, type_of
from clarivum.checks.statements.inner import statements_within
from clarivum.checks.statements.naming import of_relation, of_words

ALWAYS = {
    ObjectType.OBJECT_TABLE: "its rows",
    ObjectType.OBJECT_SCHEMA: "everything in it",
    ObjectType.OBJECT_SEQUENCE: "the number it has come to",
    ObjectType.OBJECT_EXTENSION: "its own tables, and what it stores in them",
}
"""What is lost when such an object is dropped."""
CASCADING = frozenset(
    {
        ObjectType.OBJECT_TYPE,
        ObjectType.OBJECT_DOMAIN,
        ObjectType.OBJECT_FUNCTION,
        ObjectType.OBJECT_PROCEDURE,
        ObjectType.OBJECT_ROUTINE,
        ObjectType.OBJECT_AGGREGATE,
        ObjectType.OBJECT_OPERATOR,
        ObjectType.OBJECT_COLLATION,
    }
)
"""Objects that columns and policies depend on, so that CASCADE takes these along."""
EXPAND = "add what is new beside it, move the readers over, and drop the old one in a later release"
BATCHES = "add a new column, fill it in batches, and switch over"


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that a statement destroys: `drop column public.leads.phone`, and what is lost with it."""

    act: str
    lost: str
    advice: str = EXPAND


@dataclass(slots=True)
class Stock:
    """What stands before a statement: columns with their types, and what the file under way made itself."""

    types: ColumnTypes = field(default_factory=ColumnTypes)
    fresh: set[str] = field(default_factory=set)
    """Tables, columns, schemas and sequences of this file."""

    def losses(self, node: Any) -> tuple[Loss, ...]:
        """What a statement destroys, each thing once; then take the statement in."""
        found: dict[Loss, None] = {}
        for each in statements_within(node):
            reader = READERS.get(type(each))
            found.update(dict.fromkeys(reader(each, self) if reader else ()))
            self._take_in(each)
        return tuple(found)

    def is_fresh(self, name: str) -> bool:
        """Whether this file made an object, the table of a column or its schema."""
        parts = name.split(".")
        return any(".".join(parts[: number + 1]) in self.fresh for number in range(len(parts)))

    def _take_in(self, node: Any) -> None:
        self.types.follow(node)
        if isinstance(node, ast.CreateStmt) and not node.if_not_exists:
            self.fresh.add(of_relation(node.relation))
        elif isinstance(node, ast.CreateTableAsStmt) and node.objtype == ObjectType.OBJECT_TABLE:
            into: Any = node.into
            self.fresh.add(of_relation(into.rel))
        elif isinstance(node, ast.CreateSchemaStmt) and node.schemaname and not node.if_not_exists:
            self.fresh.add(node.schemaname)
        elif isinstance(node, ast.CreateSeqStmt):
            self.fresh.add(of_relation(node.sequence))
        elif isinstance(node, ast.AlterTableStmt):
            commands: Any = node.cmds or ()
            added = (each for each in commands if each.subtype == Alter.AT_AddColumn and not each.missing_ok)
            self.fresh |= {f"{of_relation(node.relation)}.{each.def_.colname}" for each in added}
        elif isinstance(node, ast.RenameStmt) and node.relation is not None:
            before, after = renamed(node)
            self.fresh |= {after} if before in self.fresh else set()


def _drop(node: Any, stock: Stock) -> Iterator[Loss]:
    kind = node.removeType
    what = kind.name.removeprefix("OBJECT_").lower()
    cascade = node.behavior == DropBehavior.DROP_CASCADE
    for each in node.objects or ():
        if kind in ALWAYS and not stock.is_fresh(_name(each)):
            yield Loss(f"drop {what} {_name(each)}", ALWAYS[kind])
        elif kind in CASCADING and cascade:
            yield Loss(f"drop {what} {_name(each)} cascade", "every column, default and policy that depends on it")


def _name(given: Any) -> str:
    if isinstance(given, ast.TypeName):
        return of_words(given.names or ())
    if isinstance(given, ast.ObjectWithArgs):
        return of_words(given.objname or ())
    return str(given.sval) if isinstance(given, ast.String) else of_words(given)


def _drop_owned(node: Any, stock: Stock) -> Iterator[Loss]:
    for role in node.roles:
        yield Loss(f"drop owned by {role.rolename or 'current_user'}", "all objects of that role", "drop them by name")


def _alter_table(node: Any, stock: Stock) -> Iterator[Loss]:
    table = of_relation(node.relation)
    for command in node.cmds or ():
        column = f"{table}.{command.name}"
        if stock.is_fresh(column):
            continue
        if command.subtype == Alter.AT_DropColumn:
            yield Loss(f"drop column {column}", "its values")
        elif command.subtype == Alter.AT_SetUnLogged:
            yield Loss(f"set unlogged {table}", "its rows, with the next crash of the server", "leave it logged")
        elif command.subtype == Alter.AT_AlterColumnType:
            old, new = stock.types.by_name.get(column), type_of(command.def_.typeName)
            if not stock.types.keep_values(table, command):
                was = f"from {old} " if old else ""
                lost = f"what does not fit {was}into {new}, and writes the table anew while reads and writes wait"
                yield Loss(f"alter column type {column}", lost, BATCHES)


def _truncate(node: Any, stock: Stock) -> Iterator[Loss]:
    for each in node.relations:
        if not stock.is_fresh(of_relation(each)):
            yield Loss(f"truncate {of_relation(each)}", "its rows", "delete what is meant, with a WHERE, in batches")


def _delete(node: Any, stock: Stock) -> Iterator[Loss]:
    if _is_always(node.whereClause) and not stock.is_fresh(of_relation(node.relation)):
        table = of_relation(node.relation)
        yield Loss(" ".join(("delete from", table)), "all of its rows: no WHERE says which", "say which rows")


def _is_always(condition: Any) -> bool:
    """Whether a WHERE is missing or true of every row: `true`, `1 = 1`."""
    if condition is None:
        return True
    if isinstance(condition, ast.A_Const):
        return isinstance(condition.val, ast.Boolean) and bool(condition.val.boolval)
    if isinstance(condition, ast.A_Expr) and isinstance(condition.lexpr, ast.A_Const):
        is_equals = [str(each.sval) for each in condition.name or ()] == ["="]
        return is_equals and condition.lexpr == condition.rexpr
    return False


READERS: Mapping[type[Any], Callable[[Any, Stock], Iterator[Loss]]] = {
    ast.DropStmt: _drop,
    ast.DropOwnedStmt: _drop_owned,
    ast.AlterTableStmt: _alter_table,
    ast.TruncateStmt: _truncate,
    ast.DeleteStmt: _delete,
}
