"""Who owns which table before and after each migration, read from the migrations themselves. Pure.

A table belongs to the team that its comment names; before it has one, to the author of the migration that made it. An
object without a comment of its own belongs to the schema's owner, when the schema's comment names one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType, ObjectType

from clarivum.checks.statements import Names
from clarivum.checks.statements.naming import of_relation, of_words
from clarivum.owners import owner_in

TABLES = frozenset({ObjectType.OBJECT_TABLE, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_MATVIEW})
SCHEMALESS = "public"


@dataclass(slots=True)
class Ownership:
    """The state after some migrations; `follow` takes it one statement further."""

    names: Names = field(default_factory=Names)
    tables: dict[str, str] = field(default_factory=dict)
    """Team by table; empty where nobody is known."""
    schemas: dict[str, str] = field(default_factory=dict)

    def team_of(self, name: str) -> str:
        """The team that owns a table, another object of an owned schema, or a schema; empty when nobody is known."""
        if name in self.tables:
            return self.tables[name]
        return self.schemas.get(name.partition(".")[0], "")

    def copy(self) -> "Ownership":
        return Ownership(self.names.copy(), dict(self.tables), dict(self.schemas))

    def follow(self, node: Any, author: str) -> None:
        """Take in a statement of a migration by `author`."""
        self.names.types.follow(node)
        self.names.partitioned.follow(node)
        step = STEPS.get(type(node))
        if step is not None:
            step(self, node, author)

    def add(self, table: str, author: str) -> None:
        self.names.tables.add(table)
        schema = table.partition(".")[0]
        self.tables[table] = self.schemas.get(schema, "") or author

    def remove(self, table: str) -> None:
        self.names.tables.discard(table)
        self.tables.pop(table, None)
        self.names.indexes = {index: on for index, on in self.names.indexes.items() if on != table}
        self.names.foreign_keys = {key: to for key, to in self.names.foreign_keys.items() if table not in (key[0], to)}

    def move(self, table: str, to: str) -> None:
        """A table's new name."""
        if table in self.names.tables:
            self.names.tables ^= {table, to}
            self.tables[to] = self.tables.pop(table, "")
            self.names.indexes = {index: to if on == table else on for index, on in self.names.indexes.items()}
            self.names.foreign_keys = {
                (to if owner == table else owner, name): to if referenced == table else referenced
                for (owner, name), referenced in self.names.foreign_keys.items()
            }

    def constrain(self, table: str, constraint: Any, column: str = "") -> None:
        """Take in a foreign key, under the name that Postgres gives it when it has none."""
        if constraint.contype == ConstrType.CONSTR_FOREIGN:
            columns = [str(each.sval) for each in constraint.fk_attrs or ()] or [column]
            name = constraint.conname or f"{table.partition('.')[2]}_{'_'.join(columns)}_fkey"
            self.names.foreign_keys[table, name] = of_relation(constraint.pktable)


def _create(state: Ownership, node: Any, author: str) -> None:
    table = of_relation(node.relation)
    state.add(table, author)
    for element in node.tableElts or ():
        if isinstance(element, ast.Constraint):
            state.constrain(table, element)
        else:
            for constraint in getattr(element, "constraints", None) or ():
                state.constrain(table, constraint, str(element.colname))


def _alter(state: Ownership, node: Any, author: str) -> None:
    table = of_relation(node.relation)
    for command in node.cmds or ():
        if command.subtype == AlterTableType.AT_AddConstraint:
            state.constrain(table, command.def_)
        elif command.subtype == AlterTableType.AT_AddColumn:
            for constraint in command.def_.constraints or ():
                state.constrain(table, constraint, str(command.def_.colname))
        elif command.subtype == AlterTableType.AT_DropConstraint:
            state.names.foreign_keys.pop((table, str(command.name)), None)


def _index(state: Ownership, node: Any, author: str) -> None:
    if node.idxname:
        schema = node.relation.schemaname or SCHEMALESS
        state.names.indexes[f"{schema}.{node.idxname}"] = of_relation(node.relation)


def _comment(state: Ownership, node: Any, author: str) -> None:
    team = owner_in(node.comment)
    if node.objtype in TABLES and team:
        state.tables[of_words(node.object)] = team
    elif node.objtype == ObjectType.OBJECT_SCHEMA and team:
        state.schemas[str(node.object.sval)] = team


def _drop(state: Ownership, node: Any, author: str) -> None:
    for each in node.objects or ():
        if node.removeType in TABLES:
            state.remove(of_words(each))
        elif node.removeType == ObjectType.OBJECT_INDEX:
            state.names.indexes.pop(of_words(each), None)
        elif node.removeType == ObjectType.OBJECT_SCHEMA:
            for table in state.names.within(each.sval):
                state.remove(table)
            state.schemas.pop(each.sval, None)


def _rename(state: Ownership, node: Any, author: str) -> None:
    if node.relation is None:
        return
    old = of_relation(node.relation)
    new = f"{old.partition('.')[0]}.{node.newname}"
    if node.renameType in TABLES:
        state.move(old, new)
    elif node.renameType == ObjectType.OBJECT_INDEX and old in state.names.indexes:
        state.names.indexes[new] = state.names.indexes.pop(old)


def _set_schema(state: Ownership, node: Any, author: str) -> None:
    if node.relation is not None:
        state.move(of_relation(node.relation), f"{node.newschema}.{node.relation.relname}")


STEPS: Mapping[type[Any], Callable[[Ownership, Any, str], None]] = {
    ast.CreateStmt: _create,
    ast.CreateTableAsStmt: lambda state, node, author: state.add(of_relation(node.into.rel), author),
    ast.ViewStmt: lambda state, node, author: state.add(of_relation(node.view), author),
    ast.AlterTableStmt: _alter,
    ast.IndexStmt: _index,
    ast.CommentStmt: _comment,
    ast.DropStmt: _drop,
    ast.RenameStmt: _rename,
    ast.AlterObjectSchemaStmt: _set_schema,
}
