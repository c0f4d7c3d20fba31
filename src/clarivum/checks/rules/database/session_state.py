"""State of the session that a function or query leaves behind for the next request."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pglast import ast
from pglast.enums import OnCommitAction, VariableSetKind

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.evaluated import called, evaluated, walk

SESSION_LOCKS = frozenset(
    {"pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"}
)
TEMPORARY = "t"
WITH_HOLD = 0x0020
"""CURSOR_OPT_HOLD of Postgres' parsenodes.h."""


def look(facts: Facts) -> Iterator[Problem]:
    for each in evaluated(facts):
        for what, fix in dict.fromkeys(left_behind(each.statements)):
            message = f"{each.what} {what}, which outlives the transaction on a pooled connection"
            yield replace(each.found, message=message, fix=fix)


def left_behind(statements: tuple[ast.Node, ...]) -> Iterator[tuple[str, str]]:
    """What each statement leaves in the session, and what to write instead."""
    for node in walk(statements):
        found = _call(node) or _setting(node) or _relation(node) or _other(node)
        if found:
            yield found


def _call(node: Any) -> tuple[str, str] | None:
    name = called(node)
    if name in SESSION_LOCKS:
        local = name.replace("advisory_lock", "advisory_xact_lock")
        return f"takes a lock of the session with {name}()", f"call {local}(), which is released at the end"
    if name == "set_config" and not (len(node.args or ()) == 3 and _is_true(node.args[2])):
        return "calls set_config() with a third argument that is not true", "write set_config(…, …, true)"
    return None


def _setting(node: Any) -> tuple[str, str] | None:
    if not isinstance(node, ast.VariableSetStmt) or node.is_local or node.name == "TRANSACTION":
        return None
    if node.kind not in (VariableSetKind.VAR_SET_VALUE, VariableSetKind.VAR_SET_CURRENT, VariableSetKind.VAR_SET_MULTI):
        return None
    return f"runs SET {node.name}", f"write set local {node.name} …, or a SET clause on the function"


def _relation(node: Any) -> tuple[str, str] | None:
    relation: ast.RangeVar | None = None
    on_commit: OnCommitAction | None = None
    if isinstance(node, ast.CreateStmt):
        relation, on_commit = node.relation, node.oncommit
    elif isinstance(node, ast.IntoClause):
        relation, on_commit = node.rel, node.onCommit
    elif isinstance(node, ast.ViewStmt):
        relation = node.view
    elif isinstance(node, ast.CreateSeqStmt):
        relation = node.sequence
    kept = on_commit != OnCommitAction.ONCOMMIT_DROP
    if isinstance(relation, ast.RangeVar) and relation.relpersistence == TEMPORARY and kept:
        return f"makes the temporary {relation.relname}", "create temporary table … on commit drop, or use WITH"
    return None


def _other(node: Any) -> tuple[str, str] | None:
    if isinstance(node, ast.PrepareStmt):
        return f"runs PREPARE {node.name}", "run the statement itself"
    if isinstance(node, ast.ListenStmt):
        return f"runs LISTEN {node.conditionname}", "listen on a connection of one's own, outside the pool"
    if isinstance(node, ast.DeclareCursorStmt) and int(node.options or 0) & WITH_HOLD:
        return f"declares the cursor {node.portalname} WITH HOLD", "declare it without hold"
    return None


def _is_true(node: Any) -> bool:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return isinstance(node, ast.A_Const) and isinstance(node.val, ast.Boolean) and bool(node.val.boolval)


RULE = Rule(
    id="database/session-state",
    looks_for="`set_config(…, false)`, SET without LOCAL, `pg_advisory_lock()`, a temporary table that is not dropped "
    "at commit, PREPARE, LISTEN or a cursor WITH HOLD, in a function, policy, view, default or declared query.",
    why="Connections are shared: the next request on this one finds the setting, and with it perhaps another caller's "
    "claims; waits for a lock that nobody will release; or meets a table of that name with another caller's rows.",
    fix="use the form that ends with the transaction",
    look=look,
    needs_application=False,
)
