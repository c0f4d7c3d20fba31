"""Make one row per owner in a table, and first those it refers to."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from psycopg import sql

from clarivum.database.trial.candidates import candidates, is_email_column, is_owner_column
from clarivum.database.trial.relation import ColumnShape, Constraint, Relation
from clarivum.database.trial.samples import Sample
from clarivum.database.trial.stage import Attempt, Cast, Owner, Stage

MAX_ATTEMPTS = 300
CHECK, UNIQUE, NOT_NULL = "23514", "23505", "23502"
WRONG_VALUE = "22"
"""Class 22, data exception: a value that the type, or a check's function, does not take."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that stands: where, and the columns that were given with their values as text."""

    place: str
    values: Mapping[str, str | None]


class NoRowError(Exception):
    """No row could be made; the message says why, as an administrator may read it."""


class RowMaker:
    """Makes rows in an open stage and keeps them there. `relation_of` reads a table by oid."""

    def __init__(
        self,
        stage: Stage,
        cast: Cast,
        relation_of: Callable[[int], Relation],
    ) -> None:
        self._stage = stage
        self._owners = cast.owners
        self._samples = cast.samples
        self._relation_of = relation_of
        self._made: dict[int, dict[str, Row]] = {}
        self._refused: dict[int, str] = {}
        self._under_way: set[int] = set()

    def made(self) -> frozenset[int]:
        """The tables, by oid, that have rows of ours."""
        return frozenset(self._made)

    def forget(self, kept: frozenset[int]) -> None:
        """Rows of other tables than `kept` are gone: their making was rolled back."""
        self._made = {oid: rows for oid, rows in self._made.items() if oid in kept}

    def rows(self, relation: Relation) -> Mapping[str, Row]:
        """The rows of a table by owner; fewer than owners where the table takes no more. Raises NoRowError."""
        if relation.oid in self._refused:
            raise NoRowError(self._refused[relation.oid])
        if relation.oid not in self._made:
            if relation.oid in self._under_way:
                raise NoRowError(f"{relation.qualified} refers to itself through other tables")
            self._under_way.add(relation.oid)
            try:
                self._made[relation.oid] = self._make(relation)
            except NoRowError as error:
                self._refused[relation.oid] = str(error)
                raise
            finally:
                self._under_way.discard(relation.oid)
        return self._made[relation.oid]

    def _make(self, relation: Relation) -> dict[str, Row]:
        for mentioned in self._mentioned(relation):
            with suppress(NoRowError):  # a policy that asks for it then lets nothing through, which is told
                self.rows(mentioned)
        found: dict[str, Row] = {}
        for number, owner in enumerate(self._owners, 1):
            try:
                found[owner.name] = self._row(relation, owner, number)
            except NoRowError:
                if not found:
                    raise
                break  # it takes no more: a table of one row, or of a few words
        return found

    def _row(self, relation: Relation, owner: Owner, number: int) -> Row:
        sample = self._samples.get(relation.qualified)
        if sample is not None:
            return self._declared(relation, sample, owner)
        given: dict[str, str | None] = {}
        choices: dict[str, list[str | None]] = {}
        for constraint in relation.constraints:
            if constraint.kind == "f" and self._is_needed(relation, constraint):
                given |= self._reference(constraint, owner)
        given |= self._joined(relation, owner, given)
        for column in relation.columns:
            if column.name not in given and not column.fixed and self._is_given(relation, column):
                choices[column.name] = _choices(relation, column, owner, number)
        return self._search(relation, given, choices, owner, number)

    def _search(
        self,
        relation: Relation,
        given: dict[str, str | None],
        choices: dict[str, list[str | None]],
        owner: Owner,
        number: int,
    ) -> Row:
        """Try values until a row stands; what Postgres refuses names the columns to go on with."""
        cast = False
        turns: dict[tuple[str, ...], Iterator[tuple[str | None, ...]]] = {}
        values = given | {name: next(iter(found), None) for name, found in choices.items()}
        for _ in range(MAX_ATTEMPTS):
            place, refusal = self._insert(relation, values)
            if refusal is None:
                return Row(place, values)
            if refusal.sqlstate.startswith(WRONG_VALUE) and not cast:
                cast = True
                self._castable(relation, choices)
                values |= {name: next(iter(found), None) for name, found in choices.items()}
                continue
            blamed = self._blamed(relation, refusal, values)
            if refusal.sqlstate == NOT_NULL and refusal.column not in choices:
                column = relation.column(refusal.column)
                if column is None or column.fixed:
                    break
                choices[column.name] = _choices(relation, column, owner, number)
                values[column.name] = next(iter(choices[column.name]), None)
                continue
            for name in blamed:
                column = relation.column(name)
                if name not in choices and name not in given and column is not None and not column.fixed:
                    choices[name] = _choices(relation, column, owner, number)
            free = tuple(name for name in blamed if choices.get(name))
            if not free:
                break
            turn = turns.setdefault(free, itertools.product(*(choices[name] for name in free)))
            following = next(turn, None)
            if following is None:
                break
            values |= dict(zip(free, following, strict=True))
        raise NoRowError(f"no row could be made: {refusal.message if refusal else 'no value fits'}")

    def _insert(self, relation: Relation, values: Mapping[str, str | None]) -> tuple[str, Attempt | None]:
        """The place of the new row, or how it was refused."""
        statement = insertion(relation, values) + sql.SQL(" returning ctid::text")
        with self._stage.undone():
            tried = self._stage.attempt(statement)
        if not tried.done:
            return "", tried
        return str(self._stage.run(statement)[0][0]), None

    def _declared(self, relation: Relation, sample: Sample, owner: Owner) -> Row:
        with_place = sql.SQL("{} returning ctid::text").format(sql.SQL(sample.sql))
        named = sql.SQL("select set_config('sample.subject', {}, true), set_config('sample.email', {}, true)")
        self._stage.run(named.format(owner.subject, owner.email))
        with self._stage.undone():
            tried = self._stage.attempt(with_place)
        if not tried.done:
            raise NoRowError(f"its sample was refused: {tried.message}")
        place = str(self._stage.run(with_place)[0][0])
        listed = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in sample.columns)
        read = sql.SQL("select {} from {} where ctid = {}").format(listed, table(relation), place)
        return Row(place, dict(zip(sample.columns, self._stage.run(read)[0], strict=True)))

    def _is_needed(self, relation: Relation, constraint: Constraint) -> bool:
        """Whether a reference must be given, or decides something."""
        shapes = [relation.column(name) for name in constraint.columns]
        required = any(shape is not None and shape.required and not shape.filled for shape in shapes)
        return required or any(relation.is_policed(name) for name in constraint.columns)

    def _is_given(self, relation: Relation, column: ColumnShape) -> bool:
        """Whether a value is given from the start: it must be, or it says whose the row is."""
        whose = is_owner_column(relation, column) or is_email_column(column)
        return whose or (column.required and not column.filled)

    def _reference(self, constraint: Constraint, owner: Owner) -> dict[str, str | None]:
        """The key of the owner's row in the table that is referred to."""
        parent = self._relation_of(constraint.parent)
        rows = self.rows(parent)
        row = rows.get(owner.name) or next(iter(rows.values()))
        key = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in constraint.parent_columns)
        found = self._stage.run(sql.SQL("select {} from {} where ctid = {}").format(key, table(parent), row.place))
        return dict(zip(constraint.columns, found[0], strict=True))

    def _mentioned(self, relation: Relation) -> list[Relation]:
        """The other tables that the policies ask."""
        asked = self._relations_in(" ".join(policy.expressions for policy in relation.policies))
        return [each for each in asked if each.oid != relation.oid]

    def _joined(self, relation: Relation, owner: Owner, given: Mapping[str, str | None]) -> dict[str, str | None]:
        """Values for columns that a policy compares with another table's of the same name, or with its `id`."""
        found: dict[str, str | None] = {}
        for other in self._mentioned(relation):
            row = self._made.get(other.oid, {}).get(owner.name)
            for column in relation.columns:
                name = column.name
                free = name not in given and not column.fixed and not is_owner_column(relation, column)
                twin = other.column(name) or (
                    other.column("id") if name in {f"{other.name}_id", f"{other.name[:-1]}_id"} else None
                )
                if row and free and name != "id" and relation.is_policed(name) and twin and twin.type == column.type:
                    read = sql.SQL("select {}::text from {} where ctid = {}")
                    asked = read.format(sql.Identifier(twin.name), table(other), row.place)
                    found[name] = self._stage.run(asked)[0][0]
        return found

    def _relations_in(self, expressions: str) -> list[Relation]:
        """Tables that expressions name, as pg_get_expr prints them: after FROM or JOIN."""
        names = dict.fromkeys(
            re.findall(r"\b(?:FROM|JOIN) \(*((?:\"[^\"]+\"|\w+)(?:\.(?:\"[^\"]+\"|\w+))?)", expressions)
        )
        found = []
        for name in names:
            asked = self._stage.run(sql.SQL("select to_regclass({})::oid::bigint").format(name))
            if asked[0][0] is not None:
                found.append(self._relation_of(asked[0][0]))
        return [each for each in found if each.kind in {"r", "p"}]

    def _castable(self, relation: Relation, choices: dict[str, list[str | None]]) -> None:
        """Leave out the values that a column's type does not take."""
        for name, values in choices.items():
            column = relation.column(name)
            if column is None:
                continue
            choices[name] = [value for value in values if value is None or self._is_castable(column, value)]

    def _is_castable(self, column: ColumnShape, value: str) -> bool:
        with self._stage.undone():
            cast = sql.SQL("select {}::{}").format(value, sql.SQL(column.type))
            return self._stage.attempt(cast).done

    def _blamed(self, relation: Relation, refusal: Attempt, values: Mapping[str, str | None]) -> tuple[str, ...]:
        """The columns that may be at fault."""
        if refusal.sqlstate == CHECK and not refusal.constraint:  # no partition takes it
            return tuple(name for name in values if (column := relation.column(name)) and column.category == "D")
        if refusal.sqlstate in {CHECK, UNIQUE}:
            constraint = relation.constraint(refusal.constraint)
            return constraint.columns if constraint else ()
        if refusal.sqlstate == NOT_NULL:
            return (refusal.column,)
        return tuple(values) if refusal.sqlstate.startswith(WRONG_VALUE) else ()


def _choices(relation: Relation, column: ColumnShape, owner: Owner, number: int) -> list[str | None]:
    found: list[str | None] = [*candidates(relation, column, owner, number)]
    return found if column.required else [*found, None]


def table(relation: Relation) -> sql.Identifier:
    return sql.Identifier(relation.schema, relation.name)


def insertion(relation: Relation, values: Mapping[str, str | None]) -> sql.Composed:
    """An INSERT of one row; the server turns each text into the column's type."""
    if not values:
        return sql.SQL("insert into {} default values").format(table(relation))
    return sql.SQL("insert into {} ({}) values ({})").format(
        table(relation),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Literal, values.values())),
    )
