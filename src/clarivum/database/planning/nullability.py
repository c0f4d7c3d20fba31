"""Which columns of a result may be null, read from the statement and the columns' own declarations. Pure.

The server says which table column a result column is, but not that an outer join may leave it out, nor anything about
an expression. True and False are certain as far as the schema goes; None is said wherever it cannot be told: a
parameter, a function that is not known here, a view.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import JoinType, SetOperation
from pglast.parser import ParseError

from clarivum.database.planning.expression_nullability import Answer, Judge, either, has_frame
from clarivum.database.planning.grouping_sets import GroupingSets
from clarivum.database.planning.row_sources import Columns, Sources, common, merge, not_null

Tables = Mapping[tuple[str, str], Columns]
"""Schema and name of each table, with its columns in their order and whether each may be null."""
OUTER = {
    JoinType.JOIN_LEFT: (True, False),
    JoinType.JOIN_RIGHT: (False, True),
    JoinType.JOIN_FULL: (True, True),
}
"""Whether the left and the right side of a join keep rows that have no partner."""


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
    """What the expressions of one SELECT see; `outer` is that of the SELECT around it."""

    sources: Sources = field(default_factory=Sources)
    outer: "_Scope | None" = None

    def lookup(self, alias: str, column: str) -> Answer:
        if alias:
            if alias in self.sources.columns:
                return self.sources.lookup(alias, column)
        elif self.sources.has_bare(column) and (self.sources.all_known or ("", column) in self.sources.facts):
            return self.sources.lookup_bare(column)
        elif not self.sources.all_known:
            return None
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
        framed = frozenset(str(each.name) for each in node.windowClause or () if has_frame(each))
        sets = GroupingSets.of(node.groupClause or ())
        judge = Judge(grouped=bool(node.groupClause) and sets is None, framed=framed)
        return self._targets(node.targetList or (), scope, judge, sets)

    def _written(self, node: Any) -> _Scope:
        """What RETURNING of an INSERT, UPDATE, DELETE or MERGE sees."""
        others = (*(getattr(node, "fromClause", None) or ()), *(getattr(node, "usingClause", None) or ()))
        scope = self._from((node.relation, *others), getattr(node, "whereClause", None))
        if isinstance(node, ast.MergeStmt):
            scope.sources = Sources(dict.fromkeys(scope.sources.columns))
        assigned = {target.name for target in getattr(node, "targetList", None) or ()}
        scope.sources.facts = {fact for fact in scope.sources.facts if fact[1] not in assigned}
        return scope

    def _targets(
        self, targets: Sequence[Any], scope: _Scope, judge: Judge, sets: GroupingSets | None = None
    ) -> list[tuple[str, Answer]] | None:
        found: list[tuple[str, Answer]] = []
        decide = self._judge(scope, judge, sets)
        for target in targets:
            value = target.val
            if isinstance(value, ast.ColumnRef) and isinstance((value.fields or ())[-1], ast.A_Star):
                starred = _starred(value, scope.sources)
                if starred is None:
                    return None
                found.extend((name, judge.lookup(alias, name)) for alias, name in starred)
            else:
                answer = decide(value)
                found.append((target.name or _name_of(value), sets.unless_grouped(value, answer) if sets else answer))
        return found

    def _judge(self, scope: _Scope, judge: Judge, sets: GroupingSets | None = None) -> Any:
        def subselect(node: Any) -> Answer:
            found = _Statement(self.tables, self.ctes, scope).columns(node)
            return found[0][1] if found else None

        judge.lookup = sets.lookup(scope.lookup) if sets else scope.lookup
        judge.subselect = subselect
        return judge.nullable

    def _from(self, items: Iterable[Any], where: Any) -> _Scope:
        scope = _Scope(outer=self.outer)
        for item in items:
            scope.sources.add(self._sources(item, scope))
        scope.sources.learn(where)
        scope.sources.facts |= set(not_null(where))
        return scope

    def _sources(self, item: Any, scope: _Scope) -> Sources:
        if isinstance(item, ast.JoinExpr):
            return self._join(item, scope)
        alias: Any = getattr(item, "alias", None)
        renamed = alias.colnames if alias is not None else None
        if isinstance(item, ast.RangeVar):
            name, schema = str(item.relname), item.schemaname
            if schema is None and name in self.ctes:
                columns = self.ctes[name]
            else:
                columns = self.tables.get((schema or "public", name))
            return Sources({alias.aliasname if alias else name: _renamed(columns, renamed)})
        if isinstance(item, ast.RangeSubselect):
            outer = scope if item.lateral else self.outer
            found = _Statement(self.tables, self.ctes, outer).columns(item.subquery)
            return Sources({alias.aliasname if alias else "": _named(found, renamed)})
        return Sources({alias.aliasname if alias else "": None})

    def _join(self, item: Any, scope: _Scope) -> Sources:
        left = self._sources(item.larg, scope)
        beside = Sources()  # what a lateral item on the right side sees
        beside.add(scope.sources)
        beside.add(left)
        right = self._sources(item.rarg, _Scope(beside, scope.outer))
        left_kept, right_kept = OUTER.get(item.jointype, (False, False))
        names = [str(each.sval) for each in item.usingClause or ()] or (common(left, right) if item.isNatural else [])
        joined = merge(left, right, names, left_kept=left_kept, right_kept=right_kept)
        if not left_kept and not right_kept:
            joined.learn(item.quals)
        if item.alias is not None:
            return Sources({item.alias.aliasname: None})
        if item.join_using_alias is not None:
            joined.columns[item.join_using_alias.aliasname] = None
        return joined


def _starred(value: Any, sources: Sources) -> list[tuple[str, str]] | None:
    """Alias and name of each column that an asterisk stands for; None when they are not known."""
    names = [str(part.sval) for part in value.fields if isinstance(part, ast.String)]
    if not names and sources.merged:
        return None  # those that USING made one come first
    found: list[tuple[str, str]] = []
    for alias in names[-1:] or list(sources.columns):
        columns = sources.columns.get(alias)
        if columns is None:
            return None
        found.extend((alias, name) for name in columns)
    return found


def _name_of(value: Any) -> str:
    """The name that a column of the result takes from its expression; empty where nobody would ask for it by that."""
    if isinstance(value, ast.ColumnRef):
        last: Any = (value.fields or ())[-1]
        return str(last.sval)
    if isinstance(value, ast.TypeCast):
        return _name_of(value.arg)
    path: Any = value.funcname if isinstance(value, ast.FuncCall) else ()
    return str(path[-1].sval) if path else ""


def _named(found: list[tuple[str, Answer]] | None, names: Any) -> Columns | None:
    """The columns of a subselect under their names, the first of which may be given; None when two have one name."""
    given = [str(name.sval) for name in names or ()]
    pairs = found or []
    renamed = [*given, *(name for name, _ in pairs[len(given) :])]
    if found is None or len(renamed) != len(pairs) or len(set(renamed)) != len(renamed):
        return None
    return dict(zip(renamed, (answer for _, answer in pairs), strict=True))


def _renamed(columns: Columns | None, names: Any) -> Columns | None:
    return columns if columns is None or not names else _named(list(columns.items()), names)
