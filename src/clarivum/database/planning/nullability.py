"""Which columns of a result may be null, read from the statement and the columns' own declarations. Pure.

The server says which table column a result column is, but not that an outer join may leave it out, nor anything about
an expression. True and False are certain as far as the schema goes; None is said wherever it cannot be told: a
parameter, a function that is not known here, a view.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, JoinType, NullTestType, SetOperation
from pglast.parser import ParseError

from clarivum.database.planning.expression_nullability import Judge, either

Answer = bool | None
Columns = Mapping[str, Answer]
Tables = Mapping[tuple[str, str], Columns]
"""Schema and name of each table, with its columns in their order and whether each may be null."""
Fact = tuple[str, str]
"""Alias (empty when not said) and column that are known not to be null."""


def nullable_columns(sql: str, tables: Tables) -> tuple[Answer, ...] | None:
    """For each column of the result whether it may be null; None when the columns cannot be counted."""
    try:
        statements: Any = parse_sql(sql)
    except ParseError:
        return None
    found = _Statement(tables, {}).columns(statements[0].stmt)
    return None if found is None else tuple(answer for _, answer in found)


@dataclass
class _Scope:
    """The relations of one FROM, by alias; `facts` are what its conditions rule out."""

    sources: dict[str, Columns | None] = field(default_factory=dict)
    facts: set[Fact] = field(default_factory=set)
    outer: "_Scope | None" = None

    def lookup(self, alias: str, column: str) -> Answer:
        if (alias, column) in self.facts or ("", column) in self.facts:
            return False
        if alias:
            if alias in self.sources:
                return (self.sources[alias] or {}).get(column)
            return self.outer.lookup(alias, column) if self.outer else None
        if any(columns is None for columns in self.sources.values()):
            return None
        holders = [(name, columns[column]) for name, columns in self.sources.items() if columns and column in columns]
        if holders and (holders[0][0], column) in self.facts:
            return False
        if holders:
            return holders[0][1]
        return self.outer.lookup(alias, column) if self.outer else None


@dataclass
class _Statement:
    """Answers for one statement; `ctes` are the WITH queries that it sees."""

    tables: Tables
    ctes: Mapping[str, Columns | None]
    outer: _Scope | None = None

    def columns(self, node: Any) -> list[tuple[str, Answer]] | None:
        """Name and answer of each column; None when an asterisk stands for columns that are not known."""
        if getattr(node, "withClause", None) is not None:
            self.ctes = self._with(node.withClause)
        if isinstance(node, ast.SelectStmt):
            return self._select(node)
        returning: Any = getattr(node, "returningClause", None)
        if returning is None:
            return []
        return self._targets(returning.exprs or (), self._written(node), Judge())

    def _with(self, clause: Any) -> Mapping[str, Columns | None]:
        known = dict(self.ctes)
        for cte in clause.ctes:
            if clause.recursive:
                known[cte.ctename] = None
            found = _Statement(self.tables, dict(known), self.outer).columns(cte.ctequery)
            known[cte.ctename] = _named(found, cte.aliascolnames)
        return known

    def _select(self, node: Any) -> list[tuple[str, Answer]] | None:
        if node.op != SetOperation.SETOP_NONE:
            arms = [_Statement(self.tables, self.ctes, self.outer).columns(arm) for arm in (node.larg, node.rarg)]
            if arms[0] is None or arms[1] is None or len(arms[0]) != len(arms[1]):
                return None
            return [(left[0], either([left[1], right[1]])) for left, right in zip(*arms, strict=True)]
        if node.valuesLists:
            judge = self._judge(_Scope(outer=self.outer), Judge())
            columns = zip(*node.valuesLists, strict=True)
            return [(f"column{n}", either([judge(each) for each in column])) for n, column in enumerate(columns, 1)]
        scope = self._from(node.fromClause or (), node.whereClause)
        return self._targets(node.targetList or (), scope, Judge(grouped=bool(node.groupClause)))

    def _written(self, node: Any) -> _Scope:
        """What RETURNING of an INSERT, UPDATE, DELETE or MERGE sees."""
        others = (*(getattr(node, "fromClause", None) or ()), *(getattr(node, "usingClause", None) or ()))
        scope = self._from((node.relation, *others), getattr(node, "whereClause", None))
        if isinstance(node, ast.MergeStmt):
            scope.sources = dict.fromkeys(scope.sources)
            scope.facts.clear()
        assigned = {target.name for target in getattr(node, "targetList", None) or ()}
        scope.facts = {fact for fact in scope.facts if fact[1] not in assigned}
        return scope

    def _targets(self, targets: Sequence[Any], scope: _Scope, judge: Judge) -> list[tuple[str, Answer]] | None:
        found: list[tuple[str, Answer]] = []
        decide = self._judge(scope, judge)
        for target in targets:
            value = target.val
            if isinstance(value, ast.ColumnRef) and isinstance((value.fields or ())[-1], ast.A_Star):
                names: Any = value.fields
                aliases = [names[-2].sval] if len(names) > 1 else list(scope.sources)
                for alias in aliases:
                    columns = scope.sources.get(alias)
                    if columns is None:
                        return None
                    found.extend((name, scope.lookup(alias, name)) for name in columns)
            else:
                last: Any = value.fields[-1].sval if isinstance(value, ast.ColumnRef) and value.fields else ""
                found.append((target.name or last, decide(value)))
        return found

    def _judge(self, scope: _Scope, judge: Judge) -> Any:
        def subselect(node: Any) -> Answer:
            found = _Statement(self.tables, self.ctes, scope).columns(node)
            return found[0][1] if found else None

        judge.lookup, judge.subselect = scope.lookup, subselect
        return judge.nullable

    def _from(self, items: Iterable[Any], where: Any) -> _Scope:
        scope = _Scope(outer=self.outer)
        for item in items:
            scope.sources.update(self._sources(item, scope))
        scope.facts |= set(_not_null(where))
        return scope

    def _sources(self, item: Any, scope: _Scope) -> dict[str, Columns | None]:
        if isinstance(item, ast.JoinExpr):
            left, right = self._sources(item.larg, scope), self._sources(item.rarg, scope)
            if item.jointype == JoinType.JOIN_INNER:
                scope.facts |= set(_not_null(item.quals))
            if item.jointype in (JoinType.JOIN_LEFT, JoinType.JOIN_FULL):
                right = _left_out(right)
            if item.jointype in (JoinType.JOIN_RIGHT, JoinType.JOIN_FULL):
                left = _left_out(left)
            return {**left, **right}
        alias: Any = getattr(item, "alias", None)
        renamed = alias.colnames if alias is not None else None
        if isinstance(item, ast.RangeVar):
            name, schema = str(item.relname), item.schemaname
            if schema is None and name in self.ctes:
                columns = self.ctes[name]
            else:
                columns = self.tables.get((schema or "public", name))
            return {alias.aliasname if alias else name: _renamed(columns, renamed)}
        if isinstance(item, ast.RangeSubselect):
            outer = scope if item.lateral else self.outer
            found = _Statement(self.tables, self.ctes, outer).columns(item.subquery)
            return {alias.aliasname if alias else "": _renamed(_named(found, None), renamed)}
        return {alias.aliasname if alias else "": None}


def _named(found: list[tuple[str, Answer]] | None, names: Any) -> Columns | None:
    return None if found is None else _renamed(dict(found), names)


def _renamed(columns: Columns | None, names: Any) -> Columns | None:
    if columns is None or not names:
        return columns
    given = [name.sval for name in names]
    return dict(zip([*given, *list(columns)[len(given) :]], columns.values(), strict=True))


def _left_out(sources: dict[str, Columns | None]) -> dict[str, Columns | None]:
    """The relations of the side of an outer join that may have no row."""
    return {alias: None if columns is None else dict.fromkeys(columns, True) for alias, columns in sources.items()}


def _not_null(condition: Any) -> Iterable[Fact]:
    """Columns that a row must have to pass a condition: compared by an operator, or said not to be null."""
    if isinstance(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
        for part in condition.args or ():
            yield from _not_null(part)
    elif isinstance(condition, ast.NullTest) and condition.nulltesttype == NullTestType.IS_NOT_NULL:
        yield from _fact(condition.arg)
    elif isinstance(condition, ast.A_Expr) and condition.kind not in (
        A_Expr_Kind.AEXPR_DISTINCT,
        A_Expr_Kind.AEXPR_NOT_DISTINCT,
        A_Expr_Kind.AEXPR_NULLIF,
    ):
        is_list = condition.kind in (A_Expr_Kind.AEXPR_IN, A_Expr_Kind.AEXPR_OP_ANY)
        for side in (condition.lexpr,) if is_list else (condition.lexpr, condition.rexpr):
            yield from _fact(side)


def _fact(node: Any) -> Iterable[Fact]:
    if isinstance(node, ast.ColumnRef):
        names = [str(part.sval) for part in node.fields or () if isinstance(part, ast.String)]
        if names:
            yield (names[-2] if len(names) > 1 else "", names[-1])
