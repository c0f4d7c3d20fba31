"""Which objects a statement touches: changes, depends on from now on, or writes to. Pure.

A query that only reads touches nothing. A view, a policy, a rule or a function that reads another table does: from
then on that table cannot change without it. What a function's body names counts as touched. Statements inside the
statement (`statements_within`) are asked for themselves; of a `do` block only what cannot be read is judged by the
tables that it names.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import GrantTargetType, ObjectType

from clarivum.checks.statements.code_names import tables_named
from clarivum.checks.statements.inner import texts_unread
from clarivum.checks.statements.naming import of_relation, of_words, relations_within
from clarivum.checks.statements.standing import Names

RELATIONS = frozenset(
    {
        ObjectType.OBJECT_TABLE,
        ObjectType.OBJECT_VIEW,
        ObjectType.OBJECT_MATVIEW,
        ObjectType.OBJECT_SEQUENCE,
        ObjectType.OBJECT_FOREIGN_TABLE,
    }
)
ROUTINES = frozenset(
    {
        ObjectType.OBJECT_FUNCTION,
        ObjectType.OBJECT_PROCEDURE,
        ObjectType.OBJECT_ROUTINE,
        ObjectType.OBJECT_AGGREGATE,
    }
)
ON_TABLES = frozenset(
    {ObjectType.OBJECT_POLICY, ObjectType.OBJECT_TRIGGER, ObjectType.OBJECT_RULE, ObjectType.OBJECT_TABCONSTRAINT}
)
TYPES = frozenset({ObjectType.OBJECT_TYPE, ObjectType.OBJECT_DOMAIN})
Found = Iterator[tuple[str, str]]
"""Objects and what is done to them."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One object, named `schema.name` (a schema by its name alone), and what a statement does to it."""

    object: str
    act: str


def touches(node: Any, names: Names) -> tuple[Touch, ...]:
    """The objects that a statement itself touches, each with each act once, in the order of their mention."""
    reader = READERS.get(type(node))
    found = reader(node, names) if reader else ()
    return tuple(dict.fromkeys(Touch(name, act) for name, act in found))


def _relation(act: str) -> Callable[[Any, Names], Found]:
    """For statements about the one table in `relation`."""

    def read(node: Any, names: Names) -> Found:
        yield of_relation(node.relation), act

    return read


def _create_table(node: Any, names: Names) -> Found:
    own = of_relation(node.relation)
    yield own, "create table"
    for element in node.tableElts or ():
        yield from _references(element, own)
    yield from ((of_relation(parent), "partition or child") for parent in node.inhRelations or ())


def _alter_table(node: Any, names: Names) -> Found:
    is_index = node.objtype == ObjectType.OBJECT_INDEX
    own = of_relation(node.relation)
    yield (names.table_of_index(own) if is_index else own), "alter index" if is_index else "alter table"
    for command in node.cmds or ():
        yield from _references(command.def_, own)
        if isinstance(command.def_, ast.PartitionCmd) and not is_index:
            yield of_relation(command.def_.name), "partition or child"
        elif isinstance(command.def_, ast.RangeVar):
            yield of_relation(command.def_), "partition or child"


def _references(definition: Any, own: str) -> Found:
    """The other tables that the foreign keys of a column or constraint refer to."""
    constraints = (definition,) if isinstance(definition, ast.Constraint) else getattr(definition, "constraints", None)
    for each in constraints or ():
        if each.pktable is not None and of_relation(each.pktable) != own:
            yield of_relation(each.pktable), "foreign key"


def _rename(node: Any, names: Names) -> Found:
    if node.relation is not None:
        own = of_relation(node.relation)
        is_index = node.renameType == ObjectType.OBJECT_INDEX
        yield (names.table_of_index(own) if is_index else own), "rename"
    else:
        yield from _named(node.renameType, node.object or node.subname, names, "rename")


def _alter_object(act: str) -> Callable[[Any, Names], Found]:
    def read(node: Any, names: Names) -> Found:
        if node.relation is not None:
            yield of_relation(node.relation), act
        else:
            yield from _named(node.objectType, node.object, names, act)

    return read


def _drop(node: Any, names: Names) -> Found:
    what = node.removeType.name.removeprefix("OBJECT_").lower()
    for each in node.objects or ():
        yield from _named(node.removeType, each, names, f"drop {what}")


def _comment(node: Any, names: Names) -> Found:
    yield from _named(node.objtype, node.object, names, "comment")


def _grant(node: Any, names: Names) -> Found:
    act = "grant" if node.is_grant else "revoke"
    for each in node.objects or ():
        if node.targtype == GrantTargetType.ACL_TARGET_ALL_IN_SCHEMA:
            if node.objtype == ObjectType.OBJECT_TABLE:
                yield from ((table, act) for table in names.within(each.sval))
        elif isinstance(each, ast.RangeVar):
            yield of_relation(each), act
        else:
            yield from _named(node.objtype, each, names, act)


def _named(kind: Any, given: Any, names: Names, act: str) -> Found:
    """An object by its kind and the way its name is given there."""
    if isinstance(given, ast.ObjectWithArgs):
        yield of_words(given.objname or ()), act
    elif isinstance(given, ast.TypeName):
        yield of_words(given.names or ()), act
    elif kind == ObjectType.OBJECT_SCHEMA:
        schema = given if isinstance(given, str) else given.sval
        yield schema, act
        if act == "drop schema":
            yield from ((table, act) for table in names.within(schema))
    elif not isinstance(given, tuple):
        return
    elif kind == ObjectType.OBJECT_INDEX:
        yield names.table_of_index(of_words(given)), act
    elif kind in ON_TABLES or kind == ObjectType.OBJECT_COLUMN:
        yield of_words(given[:-1]), act
    elif kind in RELATIONS | TYPES | ROUTINES:
        yield of_words(given), act


def _policy(act: str) -> Callable[[Any, Names], Found]:
    def read(node: Any, names: Names) -> Found:
        own = of_relation(node.table)
        yield own, act
        for other in relations_within((node.qual, getattr(node, "with_check", None))):
            if other != own:
                yield other, "read by a policy"

    return read


def _view(node: Any, names: Names) -> Found:
    yield of_relation(node.view), "create view"
    yield from ((other, "read by a view") for other in relations_within(node.query))


def _rule(node: Any, names: Names) -> Found:
    yield from ((name, "create rule") for name in relations_within(node))


def _reindex(node: Any, names: Names) -> Found:
    if node.relation is not None:
        yield names.table_of_index(of_relation(node.relation)), "reindex"


def _relations(act: str, attribute: str = "relations") -> Callable[[Any, Names], Found]:
    def read(node: Any, names: Names) -> Found:
        for each in getattr(node, attribute) or ():
            relation = getattr(each, "relation", each)
            if isinstance(relation, ast.RangeVar):
                yield of_relation(relation), act

    return read


def _into(node: Any, names: Names) -> Found:
    yield of_relation(node.into.rel), "create table"
    if node.objtype == ObjectType.OBJECT_MATVIEW:
        yield from ((other, "read by a view") for other in relations_within(node.query))


def _copy(node: Any, names: Names) -> Found:
    if node.is_from:
        yield of_relation(node.relation), "copy"


def _function(node: Any, names: Names) -> Found:
    yield of_words(node.funcname), "create function"
    for option in node.options or ():
        if option.defname == "as":
            text = " ".join(str(part.sval) for part in option.arg if part)
            yield from ((table, "named in a function") for table in tables_named(text, names.tables))
    if node.sql_body is not None:
        yield from ((table, "named in a function") for table in relations_within(node.sql_body))


def _block(node: Any, names: Names) -> Found:
    for text in texts_unread(node):
        yield from ((table, "named in a block") for table in tables_named(text, names.tables))


def _sequence(node: Any, names: Names) -> Found:
    yield of_relation(node.sequence), "alter sequence"


def _type(attribute: str, act: str) -> Callable[[Any, Names], Found]:
    def read(node: Any, names: Names) -> Found:
        yield of_words(getattr(node, attribute)), act

    return read


def _alter_function(node: Any, names: Names) -> Found:
    yield of_words(node.func.objname), "alter function"


READERS: Mapping[type[Any], Callable[[Any, Names], Found]] = {
    ast.CreateStmt: _create_table,
    ast.CreateTableAsStmt: _into,
    ast.AlterTableStmt: _alter_table,
    ast.RenameStmt: _rename,
    ast.AlterObjectSchemaStmt: _alter_object("set schema"),
    ast.AlterOwnerStmt: _alter_object("owner to"),
    ast.DropStmt: _drop,
    ast.CommentStmt: _comment,
    ast.GrantStmt: _grant,
    ast.CreatePolicyStmt: _policy("create policy"),
    ast.AlterPolicyStmt: _policy("alter policy"),
    ast.ViewStmt: _view,
    ast.RuleStmt: _rule,
    ast.IndexStmt: _relation("create index"),
    ast.CreateTrigStmt: _relation("create trigger"),
    ast.ReindexStmt: _reindex,
    ast.ClusterStmt: lambda node, names: _relation("cluster")(node, names) if node.relation else iter(()),
    ast.RefreshMatViewStmt: _relation("refresh"),
    ast.CreateStatsStmt: _relations("create statistics"),
    ast.TruncateStmt: _relations("truncate"),
    ast.LockStmt: _relations("lock table"),
    ast.VacuumStmt: _relations("vacuum", "rels"),
    ast.InsertStmt: _relation("insert"),
    ast.UpdateStmt: _relation("update"),
    ast.DeleteStmt: _relation("delete"),
    ast.MergeStmt: _relation("merge"),
    ast.CopyStmt: _copy,
    ast.CreateFunctionStmt: _function,
    ast.AlterFunctionStmt: _alter_function,
    ast.DoStmt: _block,
    ast.AlterSeqStmt: _sequence,
    ast.AlterEnumStmt: _type("typeName", "alter type"),
    ast.AlterDomainStmt: _type("typeName", "alter type"),
}
