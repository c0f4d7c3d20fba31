"""Partitioned tables and their indexes, and the gentler ways that Postgres does not offer for them. Pure.

Source: the reference pages of CREATE INDEX and ALTER TABLE: no index of theirs is built or dropped concurrently, no
constraint is made of an index that is there, and before 18 no foreign key of theirs is added NOT VALID.
"""

from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType, ObjectType

from clarivum.checks.statements.naming import DEFAULT_SCHEMA, of_relation, of_words

HELD_AT_ONCE = frozenset({ConstrType.CONSTR_FOREIGN, ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY})


@dataclass(slots=True)
class Partitioned:
    """What stands before a statement; `follow` takes it one statement further.

    Names are `schema.name`; one that was dropped or renamed stays known, since earlier files speak of it.
    """

    tables: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)

    def copy(self) -> "Partitioned":
        return Partitioned(set(self.tables), set(self.indexes))

    def follow(self, node: Any) -> None:
        """Take in a statement."""
        if isinstance(node, ast.CreateStmt) and node.partspec is not None:
            self.tables.add(of_relation(node.relation))
        elif isinstance(node, ast.IndexStmt) and self._is_on_one(node):
            relation: Any = node.relation
            self.indexes.add(f"{relation.schemaname or DEFAULT_SCHEMA}.{node.idxname}")
        elif isinstance(node, ast.RenameStmt) and node.relation is not None:
            self._rename(node.relation, of_relation(node.relation).partition(".")[0], str(node.newname))
        elif isinstance(node, ast.AlterObjectSchemaStmt) and node.relation is not None:
            self._rename(node.relation, str(node.newschema), str(node.relation.relname))

    def lacks_gentler(self, node: Any) -> bool:
        """Whether a statement makes or drops an index, or adds constraints, as it only can for a partitioned table."""
        if isinstance(node, ast.IndexStmt):
            return self._is_on_one(node)
        if isinstance(node, ast.DropStmt):
            is_index = node.removeType == ObjectType.OBJECT_INDEX
            return is_index and all(of_words(each) in self.indexes for each in node.objects or ())
        is_change = isinstance(node, ast.AlterTableStmt)
        return is_change and all(self.holds_at_once(of_relation(node.relation), each) for each in node.cmds or ())

    def holds_at_once(self, table: str, command: Any) -> bool:
        """Whether an ALTER TABLE sub-command adds a constraint that is only added by looking at all rows at once."""
        is_added = command.subtype == AlterTableType.AT_AddConstraint and table in self.tables
        return is_added and command.def_.contype in HELD_AT_ONCE

    def _is_on_one(self, index: Any) -> bool:
        return of_relation(index.relation) in self.tables

    def _rename(self, relation: Any, schema: str, name: str) -> None:
        for known in (self.tables, self.indexes):
            if of_relation(relation) in known:
                known.add(f"{schema}.{name}")
