"""What a statement does to an object, in words that name columns, policies, indexes, triggers and privileges. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ObjectType
from pglast.stream import RawStream

from clarivum.checks.statements.naming import of_relation, of_words
from clarivum.checks.statements.touching import ON_TABLES

WORDS = re.compile(r"[A-Z][a-z]*")
WITH_TYPE = frozenset({AlterTableType.AT_AddColumn, AlterTableType.AT_AlterColumnType})
ABOUT_COLUMN = frozenset(
    {
        AlterTableType.AT_ColumnDefault,
        AlterTableType.AT_DropNotNull,
        AlterTableType.AT_SetNotNull,
        AlterTableType.AT_SetStatistics,
        AlterTableType.AT_SetStorage,
    }
)
CONSTRAINTS = {"foreign": "foreign key", "primary": "primary key", "notnull": "not null"}


def wording(node: Any, act: str) -> tuple[str, ...]:
    """`add column note text`, `create policy notes_read`: what stands behind the act of a `Touch` of this statement.

    The act itself where the statement says no more of it.
    """
    writer = WRITERS.get(type(node))
    return tuple(dict.fromkeys(writer(node, act))) if writer else (act,)


def _alter_table(node: Any, act: str) -> Iterator[str]:
    if act not in {"alter table", "alter index"}:
        yield act
        return
    for command in node.cmds or ():
        verb = " ".join(WORDS.findall(command.subtype.name.removeprefix("AT_"))).lower().replace("trig", "trigger")
        if command.subtype in ABOUT_COLUMN:
            yield f"column {command.name} {verb.replace('column default', 'default')}"
        else:
            yield " ".join(filter(None, [verb, _name_in(command), _type_in(command)]))


def _name_in(command: Any) -> str:
    """The column or constraint that an ALTER TABLE sub-command is about; a constraint without name by its kind."""
    definition = command.def_
    if isinstance(definition, ast.ColumnDef) and definition.colname:
        return str(definition.colname)
    if isinstance(definition, ast.Constraint):
        kind = str(definition.contype and definition.contype.name).removeprefix("CONSTR_").lower()
        return f"{definition.conname or ''} ({CONSTRAINTS.get(kind, kind)})".strip()
    return str(command.name or "")


def _type_in(command: Any) -> str:
    return RawStream()(command.def_.typeName) if command.subtype in WITH_TYPE else ""


def _rename(node: Any, act: str) -> Iterator[str]:
    what = node.renameType.name.removeprefix("OBJECT_").lower().replace("tabconstraint", "constraint")
    named = node.subname if node.subname and node.relation is not None else ""
    yield " ".join(filter(None, ["rename", what, named, "to", node.newname]))


def _drop(node: Any, act: str) -> Iterator[str]:
    if node.removeType in ON_TABLES:
        yield from (f"{act} {each[-1].sval}" for each in node.objects)
    elif node.removeType == ObjectType.OBJECT_INDEX:
        yield from (f"{act} {of_words(each).partition('.')[2]}" for each in node.objects)
    else:
        yield act + (" cascade" if node.behavior and node.behavior.name == "DROP_CASCADE" else "")


def _grant(node: Any, act: str) -> Iterator[str]:
    privileges = ", ".join(_privilege(each) for each in node.privileges or ()) or "all"
    to = ", ".join(each.rolename or "public" for each in node.grantees or ())
    yield f"{act} {privileges} {'to' if act == 'grant' else 'from'} {to}"


def _privilege(each: Any) -> str:
    columns = f" ({', '.join(str(column.sval) for column in each.cols)})" if each.cols else ""
    return f"{each.priv_name or 'all'}{columns}"


def _comment(node: Any, act: str) -> Iterator[str]:
    column = node.objtype == ObjectType.OBJECT_COLUMN
    yield f"{act} on column {node.object[-1].sval}" if column else act


def _named(attribute: str, *acts: str) -> Callable[[Any, str], Iterator[str]]:
    """For statements whose act is about the one thing that `attribute` names."""

    def write(node: Any, act: str) -> Iterator[str]:
        name = getattr(node, attribute)
        yield f"{act} {name}" if name and act in acts else act

    return write


def _of(made: Callable[[Any], str], *acts: str) -> Callable[[Any, str], Iterator[str]]:
    """For statements that tie another table to what they make."""

    def write(node: Any, act: str) -> Iterator[str]:
        yield f"{act}: {made(node)}" if act in acts else act

    return write


WRITERS: Mapping[type[Any], Callable[[Any, str], Iterator[str]]] = {
    ast.AlterTableStmt: _alter_table,
    ast.RenameStmt: _rename,
    ast.DropStmt: _drop,
    ast.GrantStmt: _grant,
    ast.CommentStmt: _comment,
    ast.CreatePolicyStmt: _named("policy_name", "create policy", "read by a policy"),
    ast.AlterPolicyStmt: _named("policy_name", "alter policy", "read by a policy"),
    ast.IndexStmt: _named("idxname", "create index"),
    ast.CreateTrigStmt: _named("trigname", "create trigger"),
    ast.CreateStmt: _of(lambda node: of_relation(node.relation), "foreign key", "partition or child"),
    ast.ViewStmt: _of(lambda node: of_relation(node.view), "read by a view"),
    ast.CreateFunctionStmt: _of(lambda node: of_words(node.funcname), "named in a function"),
    ast.RuleStmt: _named("rulename", "create rule"),
}
