"""The trial: every caller, table and verb, in one transaction that is rolled back."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import psycopg
from psycopg import sql

from clarivum.database.trial.candidates import variants
from clarivum.database.trial.outcome import (
    NO_GRANT,
    NO_POLICY,
    NO_POLICY_APPLIES,
    NO_ROW_SECURITY,
    VERBS,
    Cell,
    Reach,
    TableTrial,
    Verb,
    reach_of,
)
from clarivum.database.trial.privileges import Granted, try_grants
from clarivum.database.trial.reaching import Reached, RowTrial
from clarivum.database.trial.relation import Relation, RowPolicy
from clarivum.database.trial.rows import NoRowError, RowMaker, table
from clarivum.database.trial.stage import Cast, Guise, Stage, stage

Progress = Callable[[int, int], None]
MATERIALIZED_VIEW = "m"


def try_tables(
    url: str, tables: Iterable[int], cast: Cast, progress: Progress = lambda done, of: None
) -> list[TableTrial]:
    """Try every verb on tables (by oid) under every guise.

    `url` is a superuser's, of a scratch database. `progress` is told how many tables are done. A trial that fails
    leaves its table untried. Raises psycopg.Error when the database cannot be reached.
    """
    wanted = list(tables)
    with stage(url) as opened:
        known = opened.relations(wanted)

        def relation_of(oid: int) -> Relation:
            if oid not in known:
                known.update(opened.relations([oid]))
            return known[oid]

        maker = RowMaker(opened, cast, relation_of)
        memberships: dict[str, frozenset[int]] = {}
        for guise in cast.guises:
            memberships[guise.context.role] = _memberships(opened, guise.context.role)
        found = []
        for done, oid in enumerate(wanted, 1):
            before = maker.made()
            try:
                with opened.kept():
                    found.append(_TableOnStage(opened, known[oid], maker, memberships).trial(cast.guises))
            except psycopg.Error as error:
                maker.forget(before)
                found.append(_failed(known[oid], cast.guises, error))
            progress(done, len(wanted))
        return found


def _failed(relation: Relation, guises: Sequence[Guise], error: psycopg.Error) -> TableTrial:
    """A table whose trial itself came to nothing."""
    why = f"the trial failed: {error.diag.message_primary or type(error).__name__} ({error.sqlstate or 'no SQLSTATE'})"
    untried: Mapping[Verb, Cell] = dict.fromkeys(VERBS, Cell(Reach.UNTRIED, note=why))
    return TableTrial(relation.qualified, {(guise.actor, guise.context.role): untried for guise in guises}, why)


def _memberships(opened: Stage, role: str) -> frozenset[int]:
    rows = opened.run(sql.SQL("select oid::bigint from pg_roles where pg_has_role({}, oid, 'usage')").format(role))
    return frozenset(oid for (oid,) in rows)


class _TableOnStage:
    """The trial of one table."""

    def __init__(
        self, opened: Stage, relation: Relation, maker: RowMaker, memberships: Mapping[str, frozenset[int]]
    ) -> None:
        self._stage = opened
        self._relation = relation
        self._memberships = memberships
        self._rows: RowTrial | None = None
        self._owners: frozenset[str] = frozenset()
        self._untried = ""
        if relation.kind == MATERIALIZED_VIEW:
            return
        try:
            made = maker.rows(relation)
            self._rows, self._owners = RowTrial(opened, relation, made), frozenset(made)
        except NoRowError as error:
            self._untried = str(error)

    def trial(self, guises: Sequence[Guise]) -> TableTrial:
        if self._relation.kind == MATERIALIZED_VIEW:
            return self._of_materialized_view(guises)
        cells: dict[tuple[str, str], Mapping[Verb, Cell]] = {}
        granted = {guise: try_grants(self._stage, guise, self._relation) for guise in guises}
        plain = self._reached(self._rows, granted)
        states = self._states(granted)
        for guise in guises:
            found: dict[Verb, Cell] = {}
            for verb in VERBS:
                then = {name: by_guise[guise, verb] for name, by_guise in states.items() if (guise, verb) in by_guise}
                found[verb] = self._cell(verb, guise, granted[guise][verb], plain.get((guise, verb)), then)
            cells[guise.actor, guise.context.role] = found
        return TableTrial(self._relation.qualified, cells, self._untried)

    def _of_materialized_view(self, guises: Sequence[Guise]) -> TableTrial:
        """It shows what its owner saw to everybody who may read it: it has no policies, and takes no rows."""
        nothing = Cell(Reach.NONE, (NO_GRANT,))
        cells: dict[tuple[str, str], Mapping[Verb, Cell]] = {}
        for guise in guises:
            read = try_grants(self._stage, guise, self._relation)["select"]
            seen = nothing if read.nothing else Cell(Reach.ALL, (NO_POLICY_APPLIES,), read.partial)
            cells[guise.actor, guise.context.role] = {verb: seen if verb == "select" else nothing for verb in VERBS}
        return TableTrial(self._relation.qualified, cells)

    def _reached(
        self, rows: RowTrial | None, granted: Mapping[Guise, Mapping[Verb, Granted]]
    ) -> dict[tuple[Guise, Verb], Reached]:
        if rows is None:
            return {}
        return {
            (guise, verb): rows.reach(verb, guise, grants[verb])
            for guise, grants in granted.items()
            for verb in VERBS
            if verb != "truncate" and not grants[verb].nothing
        }

    def _states(self, granted: Mapping[Guise, Mapping[Verb, Granted]]) -> dict[str, dict[tuple[Guise, Verb], Reached]]:
        """The same trials for each state of the rows that a policy asks about."""
        if self._rows is None:
            return {}
        found = {}
        for name, column, value in variants(self._relation, self._rows.baseline()):
            with self._stage.undone():
                changed = self._rows.changed(column, value)
                if changed is not None:
                    found[name] = self._reached(changed, granted)
        return found

    def _cell(
        self, verb: Verb, guise: Guise, granted: Granted, reached: Reached | None, states: Mapping[str, Reached]
    ) -> Cell:
        if granted.nothing:
            return Cell(Reach.NONE, (NO_GRANT,))
        if verb == "truncate":
            return Cell(Reach.ALL, (NO_POLICY_APPLIES,), note=granted.note)
        if reached is None or self._rows is None:
            return Cell(Reach.UNTRIED, columns=granted.partial, note=self._untried)
        reach = reach_of(reached.owners, self._owners, guise.actor)
        found = {name: reach_of(then.owners, self._owners, guise.actor) for name, then in states.items()}
        when = tuple((name, then) for name, then in found.items() if then is not reach)
        notes = [] if reached.refusal is None else [f"{reached.refusal.message} ({reached.refusal.sqlstate})"]
        if verb == "update" and reach is Reach.OWN:
            given_away = self._rows.given_away(guise, granted)
            notes += [f"may give own rows to others ({', '.join(given_away)})"] if given_away else []
        allowed = reach is not Reach.NONE or bool(when)
        return Cell(reach, self._deciders(verb, guise, granted, allowed), granted.partial, when, "; ".join(notes))

    # -- who decided ---------------------------------------------------------------------------------------------------
    def _deciders(self, verb: Verb, guise: Guise, granted: Granted, allowed: bool) -> tuple[str, ...]:
        """The policies that let the rows through, or that did not; found by leaving the others out."""
        if not self._relation.row_security:
            return (NO_ROW_SECURITY,)
        members = self._memberships[guise.context.role]
        applying = [policy for policy in self._relation.policies if policy.is_for(verb, members)]
        permissive = [policy for policy in applying if policy.permissive]
        restrictive = tuple(policy.name for policy in applying if not policy.permissive)
        if not permissive:
            return (NO_POLICY,)
        if len(permissive) > 1 and allowed:
            alone = []
            for policy in permissive:
                others = [other for other in permissive if other is not policy]
                if self._let_through_without(others, verb, guise, granted):
                    alone.append(policy)
            permissive = alone or permissive
        return (*(policy.name for policy in permissive), *restrictive)

    def _let_through_without(self, others: Sequence[RowPolicy], verb: Verb, guise: Guise, granted: Granted) -> bool:
        """Whether a row in some state is reached while these policies are not there."""
        assert self._rows is not None
        with self._stage.undone():
            for other in others:
                name = sql.Identifier(other.name)
                self._stage.run(sql.SQL("drop policy {} on {}").format(name, table(self._relation)))
            if self._rows.reach(verb, guise, granted).owners:
                return True
            for _, column, value in variants(self._relation, self._rows.baseline()):
                with self._stage.undone():
                    changed = self._rows.changed(column, value)
                    if changed is not None and changed.reach(verb, guise, granted).owners:
                        return True
        return False
