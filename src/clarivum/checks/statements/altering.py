"""ALTER TABLE, sub-command by sub-command: lock mode, duration, and the gentler way where there is one. Pure.

Source: the reference page of ALTER TABLE, which names the lock of each form ("an ACCESS EXCLUSIVE lock is acquired
unless explicitly noted") and says which forms scan or rewrite the table; AlterTableGetLockLevel() in tablecmds.c.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType as Alter
from pglast.enums import ConstrType
from pglast.visitors import Visitor

from clarivum.checks.statements.column_types import ColumnTypes
from clarivum.checks.statements.lock_modes import Duration, Lock, Mode
from clarivum.checks.statements.naming import of_relation

STRONGEST = Mode.ACCESS_EXCLUSIVE
GENTLE = Mode.SHARE_UPDATE_EXCLUSIVE
TRIGGERS = Mode.SHARE_ROW_EXCLUSIVE
INSTANT, SCAN, REWRITE = Duration.INSTANT, Duration.SCAN, Duration.REWRITE
NOT_VALID = "add it NOT VALID, and VALIDATE CONSTRAINT in a later migration"
IN_BATCHES = "add a new column, fill it in batches, and switch over"
UNIQUE_FIRST = "create unique index concurrently first, then ADD CONSTRAINT … USING INDEX"
SERIALS = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})
STABLE_DEFAULTS = frozenset({"now", "transaction_timestamp", "statement_timestamp", "lower", "upper", "to_jsonb"})
"""Functions known not to be volatile: a default made of them is evaluated once and kept in the catalogue."""
GENTLE_OPTIONS = ("autovacuum", "toast.autovacuum", "fillfactor", "parallel_workers", "toast_tuple_target")

MODES: Mapping[Alter, Mode] = {
    Alter.AT_SetStatistics: GENTLE,
    Alter.AT_SetOptions: GENTLE,
    Alter.AT_ResetOptions: GENTLE,
    Alter.AT_ValidateConstraint: GENTLE,
    Alter.AT_ClusterOn: GENTLE,
    Alter.AT_DropCluster: GENTLE,
    Alter.AT_AttachPartition: GENTLE,
    Alter.AT_EnableTrig: TRIGGERS,
    Alter.AT_EnableAlwaysTrig: TRIGGERS,
    Alter.AT_EnableReplicaTrig: TRIGGERS,
    Alter.AT_EnableTrigAll: TRIGGERS,
    Alter.AT_EnableTrigUser: TRIGGERS,
    Alter.AT_DisableTrig: TRIGGERS,
    Alter.AT_DisableTrigAll: TRIGGERS,
    Alter.AT_DisableTrigUser: TRIGGERS,
}
"""Sub-commands with another lock than ACCESS EXCLUSIVE."""
DURATIONS: Mapping[Alter, Duration] = {
    Alter.AT_SetExpression: REWRITE,
    Alter.AT_SetLogged: REWRITE,
    Alter.AT_SetUnLogged: REWRITE,
    Alter.AT_SetTableSpace: REWRITE,
    Alter.AT_SetAccessMethod: REWRITE,
    Alter.AT_SetNotNull: SCAN,
    Alter.AT_ValidateConstraint: SCAN,
    Alter.AT_AttachPartition: SCAN,
}
"""Sub-commands that do more than change the catalogue."""
ADVICE: Mapping[Alter, str] = {
    Alter.AT_SetNotNull: "first add CHECK (… is not null) NOT VALID and validate it: then no scan is needed",
    Alter.AT_AttachPartition: "a CHECK constraint on the partition that implies its bounds spares the scan",
}


def locks_of_change(table: str, command: Any, types: ColumnTypes) -> Iterator[Lock]:
    """The locks of one sub-command on `table`, and those on the tables it names. `types` are those before it."""
    kind = command.subtype
    if kind == Alter.AT_AlterColumnType:
        yield _change_of_type(table, command, types)
        return
    special = SPECIAL.get(kind)
    if special is not None:
        yield from special(table, command)
    else:
        yield Lock(table, MODES.get(kind, STRONGEST), DURATIONS.get(kind, INSTANT), ADVICE.get(kind, ""))


def locks_of_constraint(table: str, constraint: Any) -> Iterator[Lock]:
    """The locks of adding a constraint to a table that has rows."""
    checked = not constraint.skip_validation
    match constraint.contype:
        case ConstrType.CONSTR_FOREIGN:
            duration = SCAN if checked else INSTANT
            yield Lock(table, TRIGGERS, duration, NOT_VALID if checked else "")
            yield Lock(of_relation(constraint.pktable), TRIGGERS, duration)
        case ConstrType.CONSTR_PRIMARY | ConstrType.CONSTR_UNIQUE:
            ready = bool(constraint.indexname)
            yield Lock(table, STRONGEST, INSTANT if ready else SCAN, "" if ready else UNIQUE_FIRST)
        case ConstrType.CONSTR_CHECK | ConstrType.CONSTR_NOTNULL:
            yield Lock(table, STRONGEST, SCAN if checked else INSTANT, NOT_VALID if checked else "")
        case ConstrType.CONSTR_EXCLUSION:
            yield Lock(table, STRONGEST, SCAN)


def _change_of_type(table: str, command: Any, types: ColumnTypes) -> Lock:
    if not types.keep_values(table, command):
        return Lock(table, STRONGEST, REWRITE, IN_BATCHES)
    return Lock(table, STRONGEST, SCAN if f"{table}.{command.name}" in types.evaluated else INSTANT)


def _add_column(table: str, command: Any) -> Iterator[Lock]:
    column = command.def_
    constraints = column.constraints or ()
    kinds = {each.contype for each in constraints}
    identity = ConstrType.CONSTR_IDENTITY in kinds
    stored = any(
        each.contype == ConstrType.CONSTR_GENERATED and each.generated_kind in ("s", "\x00", None)
        for each in constraints
    )
    volatile = any(each.contype == ConstrType.CONSTR_DEFAULT and _volatile(each.raw_expr) for each in constraints)
    serial = str(column.typeName.names[-1].sval) in SERIALS
    if identity or stored or volatile or serial:
        yield Lock(table, STRONGEST, REWRITE, "add it without a default, set the default after, fill it in batches")
    else:
        yield Lock(table, STRONGEST, INSTANT)
    for each in constraints:
        if each.contype == ConstrType.CONSTR_FOREIGN:
            # Every row of the new column is null or one constant; only the latter has to be looked up.
            yield Lock(of_relation(each.pktable), TRIGGERS, INSTANT)
        elif each.contype in {ConstrType.CONSTR_CHECK, ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY}:
            yield Lock(table, STRONGEST, SCAN, "add the column first, then its constraint")


def _add_constraint(table: str, command: Any) -> Iterator[Lock]:
    yield from locks_of_constraint(table, command.def_)


def _options(table: str, command: Any) -> Iterator[Lock]:
    names = [f"{each.defnamespace}.{each.defname}" if each.defnamespace else each.defname for each in command.def_]
    gentle = all(str(name).startswith(GENTLE_OPTIONS) for name in names)
    yield Lock(table, GENTLE if gentle else STRONGEST, INSTANT)


def _attach(table: str, command: Any) -> Iterator[Lock]:
    yield Lock(table, GENTLE, INSTANT)
    yield Lock(of_relation(command.def_.name), STRONGEST, SCAN, ADVICE[Alter.AT_AttachPartition])


def _detach(table: str, command: Any) -> Iterator[Lock]:
    concurrently = command.def_.concurrent
    advice = "" if concurrently else "DETACH PARTITION … CONCURRENTLY, in a file of its own"
    yield Lock(table, GENTLE if concurrently else STRONGEST, INSTANT, advice)
    yield Lock(of_relation(command.def_.name), STRONGEST, INSTANT)


def _inherit(table: str, command: Any) -> Iterator[Lock]:
    yield Lock(table, STRONGEST, INSTANT)
    yield Lock(of_relation(command.def_), GENTLE, INSTANT)


SPECIAL: Mapping[Alter, Callable[[str, Any], Iterator[Lock]]] = {
    Alter.AT_AddColumn: _add_column,
    Alter.AT_AddConstraint: _add_constraint,
    Alter.AT_SetRelOptions: _options,
    Alter.AT_ResetRelOptions: _options,
    Alter.AT_AttachPartition: _attach,
    Alter.AT_DetachPartition: _detach,
    Alter.AT_AddInherit: _inherit,
    Alter.AT_DropInherit: _inherit,
}


def _volatile(expression: Any) -> bool:
    """Whether a default may differ from row to row: any function that is not known to be stable counts."""
    finder = _Calls()
    finder(ast.SelectStmt(targetList=(ast.ResTarget(val=expression),)))
    return bool(finder.names - STABLE_DEFAULTS)


class _Calls(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def visit_FuncCall(self, ancestors: object, node: ast.FuncCall) -> None:
        assert node.funcname is not None
        self.names.add(str(node.funcname[-1].sval))
