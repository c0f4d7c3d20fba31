"""What the migrations leave open, followed statement by statement: tables, views, functions. Pure.

Each object remembers the statement that last decided about it, so that a finding stands where it is mended.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pglast import ast
from pglast.enums import AlterTableType, GrantTargetType, ObjectType, RoleSpecType, VariableSetKind

from clarivum.checks.statements.inner import statements_within
from clarivum.checks.statements.naming import of_relation, of_words
from clarivum.database.migrations.files import Migration, Statement

T = TypeVar("T")
CALLERS = frozenset({"anon", "authenticated", "clarivum_staff", "public"})
"""Roles that requests run as; `public` stands for PUBLIC."""
ROUTINES = frozenset({ObjectType.OBJECT_FUNCTION, ObjectType.OBJECT_PROCEDURE, ObjectType.OBJECT_ROUTINE})
RELATIONS = frozenset({ObjectType.OBJECT_TABLE, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_MATVIEW})
ROW_SECURITY: Mapping[AlterTableType, tuple[str, bool]] = {
    AlterTableType.AT_EnableRowSecurity: ("secured", True),
    AlterTableType.AT_DisableRowSecurity: ("secured", False),
    AlterTableType.AT_ForceRowSecurity: ("forced", True),
    AlterTableType.AT_NoForceRowSecurity: ("forced", False),
}
SPELLINGS = {
    "bool": "boolean",
    "bpchar": "character",
    "float4": "real",
    "float8": "double precision",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "timetz": "time with time zone",
    "varbit": "bit varying",
    "varchar": "character varying",
}
"""Names of types in the grammar and in the catalog, where they differ."""
OFF = frozenset({"false", "off", "no", "0", "f", "n"})


@dataclass(frozen=True, slots=True)
class Place:
    """A statement of a migration."""

    migration: Migration
    statement: Statement


@dataclass(slots=True)
class Table:
    """A table: whether row-level security is on and forced, its policies, and who decided each last."""

    secured: bool
    forced: bool
    policies: set[str]
    decided: dict[str, Place]
    """The statement behind `secured`, `forced` and `policies`."""
    partition: bool = False
    """Whether it is read through its table, whose policies hold then; its own say nothing."""


@dataclass(slots=True)
class Guarded:
    """A view or a function. `safe` is what must hold: security_invoker; not SECURITY DEFINER, or a search_path."""

    place: Place
    invoker: bool
    search_path: bool = False

    @property
    def safe(self) -> bool:
        return self.invoker or self.search_path


@dataclass(slots=True)
class Materialized:
    """A materialized view and the callers who may read it."""

    place: Place
    readers: set[str]


@dataclass(slots=True)
class Openness:
    """The state after some migrations; names are `schema.name`, functions with their argument types."""

    tables: dict[str, Table] = field(default_factory=dict)
    views: dict[str, Guarded] = field(default_factory=dict)
    functions: dict[str, Guarded] = field(default_factory=dict)
    materialized: dict[str, Materialized] = field(default_factory=dict)
    default_readers: dict[str, set[str]] = field(default_factory=dict)
    """Who reads what will be made in a schema; of all schemas under the empty name."""

    def follow(self, place: Place) -> None:
        """Take in one statement."""
        for node in statements_within(place.statement.node):
            step = STEPS.get(type(node))
            if step is not None:
                step(self, node, place)

    def add_table(self, relation: Any, place: Place) -> None:
        if relation.relpersistence != "t" and of_relation(relation) not in self.tables:
            decided = dict.fromkeys(("secured", "forced", "policies"), place)
            self.tables[of_relation(relation)] = Table(False, False, set(), decided)

    def add_materialized(self, name: str, place: Place) -> None:
        schema = name.partition(".")[0]
        readers = self.default_readers.get("", set()) | self.default_readers.get(schema, set())
        self.materialized.setdefault(name, Materialized(place, set(readers)))


def _create(state: Openness, node: Any, place: Place) -> None:
    state.add_table(node.relation, place)
    if node.partbound is not None:
        _attach(state, node.relation, is_partition=True)


def _attach(state: Openness, relation: Any, *, is_partition: bool) -> None:
    table = state.tables.get(of_relation(relation))
    if table is not None:
        table.partition = is_partition


def _create_as(state: Openness, node: Any, place: Place) -> None:
    if node.objtype == ObjectType.OBJECT_MATVIEW:
        state.add_materialized(of_relation(node.into.rel), place)
    else:
        state.add_table(node.into.rel, place)


def _select_into(state: Openness, node: Any, place: Place) -> None:
    if node.intoClause is not None:
        state.add_table(node.intoClause.rel, place)


def _alter_table(state: Openness, node: Any, place: Place) -> None:
    name = of_relation(node.relation)
    for command in node.cmds or ():
        table, view = state.tables.get(name), state.views.get(name)
        if command.subtype in {AlterTableType.AT_AttachPartition, AlterTableType.AT_DetachPartition}:
            _attach(state, command.def_.name, is_partition=command.subtype == AlterTableType.AT_AttachPartition)
        elif table is not None and command.subtype in ROW_SECURITY:
            what, value = ROW_SECURITY[command.subtype]
            setattr(table, what, value)
            table.decided[what] = place
        elif view is not None and command.subtype == AlterTableType.AT_SetRelOptions:
            view.invoker, view.place = _invoker(command.def_, otherwise=view.invoker), place
        elif view is not None and command.subtype == AlterTableType.AT_ResetRelOptions:
            kept = all(each.defname != "security_invoker" for each in command.def_)
            view.invoker, view.place = view.invoker and kept, place


def _create_policy(state: Openness, node: Any, place: Place) -> None:
    table = state.tables.get(of_relation(node.table))
    if table is not None:
        table.policies.add(node.policy_name)


def _view(state: Openness, node: Any, place: Place) -> None:
    if node.view.relpersistence != "t":
        state.views[of_relation(node.view)] = Guarded(place, _invoker(node.options or (), otherwise=False))


def _function(state: Openness, node: Any, place: Place) -> None:
    arguments = [each for each in node.parameters or () if each.mode.name not in {"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"}]
    made = Guarded(place, invoker=True)
    _set_options(made, node.options or ())
    state.functions[_signature(node.funcname, [each.argType for each in arguments])] = made


def _alter_function(state: Openness, node: Any, place: Place) -> None:
    for name in _functions_meant(state, node.func):
        _set_options(state.functions[name], node.actions or ())
        state.functions[name].place = place


def _drop(state: Openness, node: Any, place: Place) -> None:
    for each in node.objects or ():
        if node.removeType == ObjectType.OBJECT_POLICY:
            table = state.tables.get(of_words(each[:-1]))
            if table is not None:
                table.policies.discard(str(each[-1].sval))
                table.decided["policies"] = place
        elif node.removeType == ObjectType.OBJECT_SCHEMA:
            for known in (state.tables, state.views, state.functions, state.materialized):
                for name in [name for name in known if name.partition(".")[0] == each.sval]:
                    del known[name]
        elif node.removeType in ROUTINES:
            for name in _functions_meant(state, each):
                del state.functions[name]
        elif node.removeType in RELATIONS:
            for relations in (state.tables, state.views, state.materialized):
                relations.pop(of_words(each), None)


def _rename(state: Openness, node: Any, place: Place) -> None:
    if node.relation is None:
        return
    old = of_relation(node.relation)
    if node.renameType == ObjectType.OBJECT_POLICY and old in state.tables:
        state.tables[old].policies ^= {node.subname, node.newname}
    elif node.renameType in RELATIONS:
        _move(state, old, f"{old.partition('.')[0]}.{node.newname}")


def _set_schema(state: Openness, node: Any, place: Place) -> None:
    if node.relation is not None:
        _move(state, of_relation(node.relation), f"{node.newschema}.{node.relation.relname}")


def _move(state: Openness, old: str, new: str) -> None:
    _rekey(state.tables, old, new)
    _rekey(state.views, old, new)
    _rekey(state.materialized, old, new)


def _rekey(known: dict[str, T], old: str, new: str) -> None:
    if old in known:
        known[new] = known.pop(old)


def _grant(state: Openness, node: Any, place: Place) -> None:
    readers = _readers(node)
    if not readers or node.objtype != ObjectType.OBJECT_TABLE:
        return
    for name, found in state.materialized.items():
        if node.targtype == GrantTargetType.ACL_TARGET_ALL_IN_SCHEMA:
            meant = name.partition(".")[0] in {each.sval for each in node.objects}
        else:
            meant = name in {of_relation(each) for each in node.objects}
        if meant:
            found.readers = found.readers | readers if node.is_grant else found.readers - readers
            found.place = place


def _default_privileges(state: Openness, node: Any, place: Place) -> None:
    readers = _readers(node.action)
    if node.action.objtype != ObjectType.OBJECT_TABLE:
        return
    schemas = [str(each.sval) for option in node.options or () if option.defname == "schemas" for each in option.arg]
    for schema in schemas or [""]:
        known = state.default_readers.setdefault(schema, set())
        state.default_readers[schema] = known | readers if node.action.is_grant else known - readers


def _readers(node: Any) -> set[str]:
    """The callers that a GRANT or REVOKE gives SELECT to or takes it from."""
    if node.privileges is not None and all(each.priv_name != "select" for each in node.privileges):
        return set()
    roles = {"public" if each.roletype == RoleSpecType.ROLESPEC_PUBLIC else each.rolename for each in node.grantees}
    return roles & CALLERS


def _invoker(options: Iterable[Any], *, otherwise: bool) -> bool:
    for option in options:
        if option.defname == "security_invoker":
            return _word(option.arg).lower() not in OFF
    return otherwise


def _word(value: Any) -> str:
    """The value of an option: nothing means true, and a word such as `off` is a type's name to the grammar."""
    if value is None:
        return "true"
    if isinstance(value, ast.TypeName):
        return str((value.names or ())[-1].sval)
    return str(value.ival if isinstance(value, ast.Integer) else value.sval)


def _set_options(function: Guarded, options: Iterable[Any]) -> None:
    for option in options:
        if option.defname == "security":
            function.invoker = not option.arg.boolval
        elif option.defname == "set":
            setting = option.arg
            if setting.kind == VariableSetKind.VAR_RESET_ALL:
                function.search_path = False
            elif setting.name == "search_path":
                taken = {VariableSetKind.VAR_RESET, VariableSetKind.VAR_SET_DEFAULT}
                function.search_path = setting.kind not in taken


def _signature(name: Any, types: Iterable[Any]) -> str:
    """`public.f(integer, text[])`, with types as the catalog spells them."""
    names = [(str(each.names[-1].sval), "[]" * bool(each.arrayBounds)) for each in types]
    return f"{of_words(name)}({', '.join(SPELLINGS.get(type_, type_) + array for type_, array in names)})"


def _functions_meant(state: Openness, given: Any) -> list[str]:
    """The known functions that a name with or without arguments stands for."""
    if given.args_unspecified:
        return [name for name in state.functions if name.partition("(")[0] == of_words(given.objname)]
    exact = _signature(given.objname, given.objargs or ())
    return [exact] if exact in state.functions else []


STEPS: Mapping[type[Any], Callable[[Openness, Any, Place], None]] = {
    ast.CreateStmt: _create,
    ast.CreateTableAsStmt: _create_as,
    ast.SelectStmt: _select_into,
    ast.AlterTableStmt: _alter_table,
    ast.CreatePolicyStmt: _create_policy,
    ast.ViewStmt: _view,
    ast.CreateFunctionStmt: _function,
    ast.AlterFunctionStmt: _alter_function,
    ast.DropStmt: _drop,
    ast.RenameStmt: _rename,
    ast.AlterObjectSchemaStmt: _set_schema,
    ast.GrantStmt: _grant,
    ast.AlterDefaultPrivilegesStmt: _default_privileges,
}
