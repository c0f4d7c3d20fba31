"""Whether guards and policies say the same. Pure: compares what was tried with what routes declare and run.

Three ways to disagree:

- **refused after the guard**: the guard let a caller in and the database refused a statement of the handler;
- **let in to nothing**: the guard lets a caller in, and of a table that the handler needs the database gives that
  caller no row in any state, so the route answers with emptiness instead of a refusal;
- **open behind a closed guard**: every route that needs a verb on a table under a database role refuses a caller to
  whom the database gives that verb on others' rows, under that very role. Only the guard stands in between.

What a handler does as the worker is not in the last one: no caller holds that role, so nothing stands behind the guard.
The rule `auth/worker-in-route` asks each such route for its reason.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clarivum.api import Route
from clarivum.checks.access.matrix import AccessMatrix, RouteCell
from clarivum.checks.access.personas import Persona
from clarivum.checks.access.statement_tables import Need, needs_of
from clarivum.checks.usage import Usage, database_role, handler_key
from clarivum.database.trial import Cell, Reach

WORKER_ROLE = "clarivum_worker"
WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One route, or one policy of a table, at which guard and policies differ, and for whom."""

    subject: str
    message: str
    route: Route | None = None
    table: str = ""
    policy: str = ""


def disagreements(
    routes: Sequence[Route], usage: Usage, matrix: AccessMatrix, callers: Sequence[Persona]
) -> Iterator[Disagreement]:
    """All of them, routes first."""
    refusing: defaultdict[tuple[Need, str], set[str]] = defaultdict(set)
    letting_in: defaultdict[tuple[Need, str], set[str]] = defaultdict(set)
    serving: defaultdict[tuple[Need, str], list[str]] = defaultdict(list)
    for route in routes:
        name = f"{route.method} {route.path}"
        trial = matrix.route(name)
        if trial is None:
            continue
        yield from _after_the_guard(route, name, trial.cells)
        needs = needs_of_route(route, usage)
        yield from _to_nothing(route, name, trial.cells, _Wanted(needs, matrix, callers))
        for need, as_worker in needs:
            if not as_worker and route.access.signed_in:
                key = (need, database_role(route.access))
                serving[key].append(name)
                for caller, cell in trial.cells.items():
                    (letting_in if cell.let_in else refusing)[key].add(caller)
    for key, names in serving.items():
        yield from _behind_a_closed_guard(key, names, refusing[key] - letting_in[key], matrix)


def _after_the_guard(route: Route, name: str, cells: Mapping[str, RouteCell]) -> Iterator[Disagreement]:
    refused = [caller for caller, cell in cells.items() if cell.database]
    if refused:
        state = cells[refused[0]].database
        yield Disagreement(
            name,
            f"the guard lets {_listed(refused)} in, and then the database refuses a statement of the handler ({state})",
            route,
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a route needs, and where to look for what its callers have."""

    needs: Sequence[tuple[Need, bool]]
    matrix: AccessMatrix
    callers: Sequence[Persona]

    def without(self, route: Route, caller: str) -> Iterator[tuple[Need, Cell]]:
        """The needs for which the caller gets no row."""
        persona = next((each for each in self.callers if each.name == caller), None)
        if persona is None or persona.principal is None:
            return
        own = _role_of(route, persona)
        for need, as_worker in self.needs:
            trial = self.matrix.table(need[1])
            key = (WORKER, WORKER_ROLE) if as_worker else (caller, own)
            if trial is not None and key in trial.cells:
                cell = trial.cells[key][need[0]]
                if cell.reach is Reach.NONE and not cell.when:
                    yield need, cell


def _to_nothing(route: Route, name: str, cells: Mapping[str, RouteCell], wanted: _Wanted) -> Iterator[Disagreement]:
    by_need: defaultdict[Need, dict[str, Cell]] = defaultdict(dict)
    for caller, cell in cells.items():
        if cell.let_in and not cell.database:
            for need, nothing in wanted.without(route, caller):
                by_need[need][caller] = nothing
    for (verb, table), callers in by_need.items():
        why = ", ".join(next(iter(callers.values())).by)
        yield Disagreement(
            name,
            f"the guard lets {_listed(callers)} in, but {table} gives them nothing to {verb} ({why})",
            route,
        )


def _behind_a_closed_guard(
    key: tuple[Need, str], routes: Sequence[str], refused: set[str], matrix: AccessMatrix
) -> Iterator[Disagreement]:
    (verb, table), role = key
    trial = matrix.table(table)
    if trial is None:
        return
    by_cell: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for persona, _ in matrix.personas:
        cells = trial.cells.get((persona, role)) if persona in refused else None
        if cells is not None and cells[verb].reach.goes_beyond_own:
            by_cell[cells[verb].by].append(persona)
    for by, callers in by_cell.items():
        yield Disagreement(
            table,
            f"{', '.join(by)} lets {_listed(callers)} {verb} others' rows as {role}, but every route that does so "
            f"refuses them ({', '.join(routes)})",
            table=table,
            policy=by[0] if by else "",
        )


def needs_of_route(route: Route, usage: Usage) -> list[tuple[Need, bool]]:
    """What the handler's queries need, each with whether it runs as the worker."""
    found: dict[tuple[Need, bool], None] = {}
    for use in usage.of_handler.get(handler_key(route.handler), ()):
        if use.query is not None:
            for need in sorted(needs_of(use.query.sql)):
                found[need, use.as_worker] = None
    return list(found)


def _role_of(route: Route, persona: Persona) -> str:
    """The database role that this caller's statements run under on this route."""
    assert persona.principal is not None
    staff = persona.principal.staff_context
    if staff is not None and database_role(route.access) == staff.role:
        return staff.role
    return persona.principal.context.role


def _listed(names: Sequence[str] | Mapping[str, object]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
