"""Row-level security policies in words. Pure: reads expressions as `pg_get_expr` prints them.

What policies usually ask (who the caller is, which role the token gives, a comparison with a column) is said in
English; any other expression stands as SQL, in code quotes, so that nothing is left out.
"""

from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, NullTestType, SubLinkType
from pglast.parser import ParseError
from pglast.stream import RawStream

from clarivum.database.planning import Policy, Table

VERBS = {"select": "read", "insert": "add", "update": "change", "delete": "delete"}
CALLER = frozenset({"clarivum.subject", "auth.uid"})
HAS_ROLE = frozenset({"clarivum.has_role", "clarivum.has_any_role"})
COMPARED = {"=": "is", "<>": "is not", "<": "is below", ">": "is above", "<=": "is at most", ">=": "is at least"}
EVERYONE = "everyone"


def policy_words(policy: Policy, table: Table) -> str:
    """One sentence without its full stop: `clarivum_staff` may read rows where the caller is admin."""
    roles = ", ".join(EVERYONE if role == "public" else f"`{role}`" for role in sorted(policy.roles))
    verbs = _listed([VERBS[command] for command in _commands(policy, table)], "and")
    if policy.command == "insert":
        rows = _rows(policy.check)
    else:
        rows = _rows(policy.using)
        if policy.check and policy.check != policy.using and policy.command != "select":
            rows += f", into {_rows(policy.check).replace('every', 'any')}"
    if policy.permissive:
        return f"{roles} may {verbs} {rows}"
    return f"{roles} may {verbs} nothing but {rows}, whatever else is allowed"


def _commands(policy: Policy, table: Table) -> list[str]:
    """The commands a policy is for; one for all of them, those that are granted to its roles."""
    if policy.command != "all":
        return [policy.command]
    granted = {privilege for grantee, privilege in table.grants if grantee in {*policy.roles, "public"}}
    return [command for command in VERBS if command in granted] or list(VERBS)


def _rows(expression: str) -> str:
    if expression in {"", "true"}:
        return "every row"
    return "no row" if expression == "false" else f"rows where {condition_words(expression)}"


def condition_words(expression: str) -> str:
    """A condition in words, as far as it can be said in them."""
    try:
        statements: Any = parse_sql(f"select {expression}")
    except ParseError:
        return f"`{expression}`"
    return _condition(statements[0].stmt.targetList[0].val)


def _condition(node: Any) -> str:
    node = _unwrapped(node)
    if isinstance(node, ast.BoolExpr):
        return _joined(node)
    if isinstance(node, ast.NullTest):
        has = "is null" if node.nulltesttype == NullTestType.IS_NULL else "is not null"
        return f"{_term(node.arg)} {has}"
    if isinstance(node, ast.A_Expr) and node.kind in (A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_OP_ANY):
        return _comparison(node)
    if isinstance(node, ast.FuncCall) and _function(node) in HAS_ROLE and node.args:
        roles = _text(node.args[0])
        if roles is not None:
            return f"the caller is {_listed(roles.strip('{}').split(','), 'or')}"
    if isinstance(node, ast.ColumnRef):
        return f"{_term(node)} is true"
    return _sql(node)


def _joined(node: Any) -> str:
    if node.boolop == BoolExprType.NOT_EXPR:
        return f"not ({_condition(node.args[0])})"
    is_and = node.boolop == BoolExprType.AND_EXPR
    parts = []
    for part in node.args:
        said = _condition(part)
        inner = _unwrapped(part)
        is_or = isinstance(inner, ast.BoolExpr) and inner.boolop == BoolExprType.OR_EXPR
        parts.append(f"({said})" if is_and and is_or else said)
    return " and ".join(parts) if is_and else " or ".join(parts)


def _comparison(node: Any) -> str:
    operator = _operator(node)
    right = _unwrapped(node.rexpr)
    if node.kind == A_Expr_Kind.AEXPR_OP_ANY:
        if operator == "=" and isinstance(right, ast.A_ArrayExpr) and right.elements:
            return f"{_term(node.lexpr)} is {_listed([_term(each) for each in right.elements], 'or')}"
        return _sql(node)
    if node.lexpr is None or operator not in COMPARED:
        return _sql(node)
    return f"{_term(node.lexpr)} {COMPARED[operator]} {_term(right)}"


def _term(node: Any) -> str:
    node = _unwrapped(node)
    if _is_caller(node):
        return "the caller"
    constant = _text(node)
    if constant is not None:
        return f"`{constant}`"
    return _sql(node)


def _is_caller(node: Any) -> bool:
    """Whether it is the caller's subject: a helper, or `auth.jwt() ->> 'sub'`."""
    if isinstance(node, ast.FuncCall):
        return _function(node) in CALLER
    if isinstance(node, ast.A_Expr) and _operator(node) == "->>":
        left = _unwrapped(node.lexpr)
        return isinstance(left, ast.FuncCall) and _function(left) == "auth.jwt" and _text(node.rexpr) == "sub"
    return False


def _unwrapped(node: Any) -> Any:
    """Without what changes no meaning here: `(select …)` of one expression, and casts."""
    while True:
        if isinstance(node, ast.TypeCast):
            node = node.arg
        elif isinstance(node, ast.SubLink) and node.subLinkType == SubLinkType.EXPR_SUBLINK:
            select: Any = node.subselect
            targets: Any = select.targetList or ()
            if select.fromClause or select.whereClause or len(targets) != 1:
                return node
            node = targets[0].val
        else:
            return node


def _operator(node: Any) -> str:
    return str(node.name[-1].sval)


def _function(node: Any) -> str:
    return ".".join(str(part.sval) for part in node.funcname)


def _text(node: Any) -> str | None:
    """The text of a constant string; None for anything else."""
    node = _unwrapped(node)
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.String):
        return str(node.val.sval)
    return None


def _sql(node: Any) -> str:
    return f"`{RawStream()(node)}`"


def _listed(words: list[str], joint: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"
