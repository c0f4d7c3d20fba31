"""A setting of the request that is cast although it may be an empty text."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.evaluated import called, evaluated, walk

TEXTUAL = frozenset({"text", "varchar", "bpchar", "char", "name", "citext", "unknown", "cstring"})
"""Types that an empty text is a value of."""
CASTING = frozenset(
    {"bool", "date", "float8", "int2", "int4", "int8", "json", "jsonb", "numeric", "timestamptz", "uuid"}
)
"""Types whose name may be called like a function: `jsonb(…)`."""
PASSING = frozenset({"btrim", "ltrim", "rtrim", "trim", "lower", "upper", "replace", "translate"})
"""Functions that make an empty text of an empty text."""


def look(facts: Facts) -> Iterator[Problem]:
    for each in evaluated(facts):
        for setting, kind in dict.fromkeys(unguarded_casts(each.statements)):
            message = (
                f"{each.what} casts {setting} to {kind}, and fails where it is empty: after a transaction that set it, "
                "a setting is '' and not null"
            )
            yield replace(each.found, message=message, fix=f"write nullif({setting}, '')::{kind}")


def unguarded_casts(node: Any) -> Iterator[tuple[str, str]]:
    """The call and the type of each cast of a `current_setting()` that may be empty."""
    if isinstance(node, tuple | list):
        for member in node:
            yield from unguarded_casts(member)
        return
    if not isinstance(node, ast.Node):
        return
    if isinstance(node, ast.CaseExpr) and _asks(node):
        return
    kind, value = _cast(node)
    if kind and (setting := _setting(value)):
        yield setting, kind
    for field in node:
        yield from unguarded_casts(getattr(node, field))


def _cast(node: ast.Node) -> tuple[str, Any]:
    """To what type a node casts what; an empty type when it is no cast, or one to a text."""
    if isinstance(node, ast.TypeCast):
        target: Any = node.typeName
        name = str(target.names[-1].sval)
        return ("" if name in TEXTUAL and not target.arrayBounds else name), node.arg
    arguments: Any = node.args if isinstance(node, ast.FuncCall) else None
    if called(node) in CASTING and len(arguments or ()) == 1:
        return called(node), arguments[0]
    return "", None


def _setting(node: Any) -> str:
    """The `current_setting(…)` whose empty text a node would hand on; empty when there is none."""
    arguments: Any = ()
    if isinstance(node, ast.FuncCall):
        arguments = node.args or ()
        if called(node) == "current_setting":
            return _shown(arguments)
        arguments = arguments[:1] if called(node) in PASSING else ()
    elif isinstance(node, ast.CoalesceExpr):
        arguments = node.args
    elif isinstance(node, ast.CaseExpr) and not _asks(node):
        whens: Any = node.args
        arguments = (*(when.result for when in whens), node.defresult)
    elif isinstance(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_NULLIF:
        arguments = () if _is_empty_text(node.rexpr) else (node.lexpr,)
    elif isinstance(node, ast.TypeCast) and not _cast(node)[0]:
        arguments = (node.arg,)
    elif isinstance(node, ast.SubLink) and isinstance(node.subselect, ast.SelectStmt):
        targets: Any = node.subselect.targetList or ()
        arguments = (targets[0].val,) if len(targets) == 1 else ()
    return next(filter(None, map(_setting, arguments)), "")


def _asks(case: ast.CaseExpr) -> bool:
    """Whether a CASE decides by the setting itself, so that its author thought of the empty one."""
    whens: Any = case.args
    asked = [case.arg, *(when.expr for when in whens)]
    return any(called(node) == "current_setting" for node in walk(asked))


def _is_empty_text(node: Any) -> bool:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    value = node.val if isinstance(node, ast.A_Const) else None
    return isinstance(value, ast.String) and value.sval == ""


def _shown(arguments: Any) -> str:
    name = arguments[0] if arguments else None
    while isinstance(name, ast.TypeCast):
        name = name.arg
    literal = name.val.sval if isinstance(name, ast.A_Const) and isinstance(name.val, ast.String) else "…"
    return f"current_setting('{literal}', true)"


RULE = Rule(
    id="database/setting-cast-without-nullif",
    looks_for="A cast of `current_setting(…)` to anything but a text, without `nullif(…, '')` around the call, in a "
    "policy, function, view, default, check constraint, trigger's condition or declared query.",
    why="The claims are set for one transaction. When it ends, the setting is not unset but '', so on a connection "
    "that served somebody before, `current_setting('request.jwt.claims', true)::json` fails with 22P02 for a visitor: "
    "on the second request, never in a test that makes one. coalesce() does not help, '' is not null.",
    fix="write nullif(current_setting('…', true), '')::…",
    look=look,
    needs_application=False,
)
