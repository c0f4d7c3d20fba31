"""Partitioned tables and their indexes, as the migrations make them: Postgres has no CONCURRENTLY for these. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import ObjectType

from clarivum.checks.statements import statements_within
from clarivum.checks.statements.naming import DEFAULT_SCHEMA, of_relation, of_words
from clarivum.database.migrations.files import Migration


@dataclass(slots=True)
class Partitioned:
    """Names are `schema.name`; one that was dropped stays known, since earlier files speak of it."""

    tables: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, migrations: Iterable[Migration]) -> "Partitioned":
        """All that these migrations make, oldest first."""
        found = cls()
        for migration in migrations:
            for statement in migration.body:
                for node in statements_within(statement.node):
                    found.follow(node)
        return found

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

    def lacks_concurrently(self, node: Any) -> bool:
        """Whether a CREATE INDEX or DROP INDEX is one that cannot be done concurrently."""
        if isinstance(node, ast.IndexStmt):
            return self._is_on_one(node)
        is_drop = isinstance(node, ast.DropStmt) and node.removeType == ObjectType.OBJECT_INDEX
        return is_drop and all(of_words(each) in self.indexes for each in node.objects)

    def _is_on_one(self, index: Any) -> bool:
        return of_relation(index.relation) in self.tables

    def _rename(self, relation: Any, schema: str, name: str) -> None:
        for known in (self.tables, self.indexes):
            if of_relation(relation) in known:
                known.add(f"{schema}.{name}")
