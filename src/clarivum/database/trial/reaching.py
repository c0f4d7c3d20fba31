"""Which rows a verb reaches under a caller's role: tried on all rows at once, and one by one where that is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from clarivum.database.trial.candidates import is_owner_column, tells_owner
from clarivum.database.trial.outcome import Verb
from clarivum.database.trial.privileges import Granted
from clarivum.database.trial.relation import Relation
from clarivum.database.trial.rows import Row, insertion, table
from clarivum.database.trial.stage import Attempt, Guise, Stage

STILL_REFERENCED = "23503"


@dataclass(frozen=True, slots=True)
class Reached:
    """The owners whose rows were reached, and the first refusal that was no policy's and no grant's."""

    owners: frozenset[str]
    refusal: Attempt | None = None


class RowTrial:
    """Tries on the rows of one table, by owner, as they stand in the stage now."""

    def __init__(self, stage: Stage, relation: Relation, rows: Mapping[str, Row]) -> None:
        self._stage = stage
        self._relation = relation
        self._rows = rows
        self._table = table(relation)

    def reach(self, verb: Verb, guise: Guise, granted: Granted) -> Reached:
        """The rows of which owners the verb reaches; for insert: as whose a row may be added."""
        match verb:
            case "select":
                return self._select(guise, granted)
            case "insert":
                return self._insert(guise, granted)
            case "update":
                return self._change(guise, self._updating(guise, granted))
            case "delete":
                return self._change(guise, sql.SQL("delete from {}").format(self._table))
            case "truncate":
                return Reached(frozenset(self._rows) if granted.is_whole else frozenset())

    # -- select --------------------------------------------------------------------------------------------------------
    def _select(self, guise: Guise, granted: Granted) -> Reached:
        if granted.is_whole:
            tried = self._stage.as_guise(guise, sql.SQL("select ctid::text from {}").format(self._table))
            if tried.done:
                seen = {place for (place,) in tried.rows}
                return Reached(frozenset(owner for owner, row in self._rows.items() if row.place in seen))
        statement = sql.SQL("select count(*) from {}").format(self._table)
        return self._one_by_one(guise, statement, lambda tried: tried.done and tried.rows[0][0] > 0)

    # -- update and delete ---------------------------------------------------------------------------------------------
    def _change(self, guise: Guise, statement: sql.Composed) -> Reached:
        with self._stage.undone():
            self._stage.become(guise)
            tried = self._stage.attempt(statement)
            if tried.done:
                self._stage.step_back()
                return Reached(frozenset(self._rows) - self._standing())
        return self._one_by_one(guise, statement, lambda tried: False, changes=True)

    def _standing(self) -> set[str]:
        """The owners whose rows are where they were: neither changed nor gone."""
        asked = sql.SQL("select ctid::text from {} where ctid = any ({}::tid[])").format(
            self._table, [row.place for row in self._rows.values()]
        )
        places = {place for (place,) in self._stage.run(asked)}
        return {owner for owner, row in self._rows.items() if row.place in places}

    def _updating(self, guise: Guise, granted: Granted) -> sql.Composed:
        """An update that changes nothing: a column, preferably one of no consequence, to the value that it has in the
        caller's own row; in the first one for a caller who has none."""
        relation = self._relation
        sample = self._rows.get(guise.actor) or next(iter(self._rows.values()))

        def consequence(name: str) -> tuple[bool, bool, bool]:
            column = relation.column(name)
            return relation.is_unique(name), relation.is_policed(name), column is None or column.required

        names = sorted(granted.columns, key=consequence)
        asked = sql.SQL("select {}::text from {} where ctid = {}").format(
            sql.Identifier(names[0]), self._table, sample.place
        )
        value = self._stage.run(asked)[0][0]
        return sql.SQL("update {} set {} = {}").format(self._table, sql.Identifier(names[0]), value)

    def given_away(self, guise: Guise, granted: Granted) -> list[str]:
        """The columns by which the caller may put another's name on an own row."""
        own = self._rows.get(guise.actor)
        other = next((row for owner, row in self._rows.items() if owner != guise.actor), None)
        if own is None or other is None:
            return []
        found = []
        for name in granted.columns:
            column = self._relation.column(name)
            if column is not None and is_owner_column(self._relation, column) and name in other.values:
                statement = sql.SQL("update {} set {} = {}").format(
                    self._table, sql.Identifier(name), other.values[name]
                )
                with self._stage.undone():
                    self._stage.without_triggers(
                        sql.SQL("delete from {} where ctid <> {}").format(self._table, own.place)
                    )
                    self._stage.become(guise)
                    tried = self._stage.attempt(statement)
                    self._stage.attempt("reset role")
                    if tried.done and guise.actor not in self._standing():
                        found.append(name)
        return found

    # -- insert --------------------------------------------------------------------------------------------------------
    def _insert(self, guise: Guise, granted: Granted) -> Reached:
        added, refusal = set(), None
        for owner in self._named(guise.actor, granted):
            tried = self.insert_as(guise, owner, granted)
            if tried.done:
                added.add(owner)
            elif not tried.fails_policy:
                refusal = refusal or tried
        return Reached(frozenset(added), refusal)

    def _named(self, actor: str, granted: Granted) -> Sequence[str]:
        """As whose a row may be tried: as anybody's, unless the columns that say whose it is cannot be given."""
        telling = {name for row in self._rows.values() for name in row.values if tells_owner(self._relation, name)}
        if telling and not telling & set(granted.columns) and actor in self._rows:
            return (actor,)
        return tuple(self._rows)

    def insert_as(self, guise: Guise, owner: str, granted: Granted) -> Attempt:
        """Add the owner's row to the table, which holds no other: no unique index has a say."""
        columns = granted.columns
        values = {name: value for name, value in self._rows[owner].values.items() if name in columns}
        with self._stage.undone():
            self._stage.without_triggers(sql.SQL("delete from {}").format(self._table))
            self._stage.become(guise)
            return self._stage.attempt(insertion(self._relation, values))

    # -- one by one ----------------------------------------------------------------------------------------------------
    def _one_by_one(
        self, guise: Guise, statement: sql.Composed, shows: Callable[[Attempt], bool], *, changes: bool = False
    ) -> Reached:
        """Try on each row while it is the only one."""
        reached, refusal = set(), None
        for owner, row in self._rows.items():
            with self._stage.undone():
                self._stage.without_triggers(sql.SQL("delete from {} where ctid <> {}").format(self._table, row.place))
                self._stage.become(guise)
                tried = self._stage.attempt(statement)
                if tried.done and changes:
                    self._stage.step_back()
                    if owner not in self._standing():
                        reached.add(owner)
                elif shows(tried) or tried.sqlstate == STILL_REFERENCED:
                    reached.add(owner)
            if not tried.done and not tried.fails_policy:
                refusal = refusal or tried
        return Reached(frozenset(reached), refusal)

    # -- states of the rows --------------------------------------------------------------------------------------------
    def baseline(self) -> dict[str, str | None]:
        """The first row as text, every column of it."""
        place = next(iter(self._rows.values())).place
        columns: Sequence[str] = [column.name for column in self._relation.columns]
        listed = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
        found = self._stage.run(sql.SQL("select {} from {} where ctid = {}").format(listed, self._table, place))
        return dict(zip(columns, found[0], strict=True))

    def changed(self, column: str, value: str) -> "RowTrial | None":
        """The same rows with another value in a column, until the stage is rolled back; None when that is refused."""
        rows: dict[str, Row] = {}
        for owner, row in self._rows.items():
            statement = sql.SQL("update {} set {} = {} where ctid = {} returning ctid::text").format(
                self._table, sql.Identifier(column), value, row.place
            )
            self._stage.run("set local session_replication_role = replica")
            tried = self._stage.attempt(statement)
            if not tried.done:
                return None
            self._stage.run("set local session_replication_role = origin")
            rows[owner] = Row(str(tried.rows[0][0]), {**row.values, column: value})
        return RowTrial(self._stage, self._relation, rows)
