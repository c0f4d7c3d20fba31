"""A cell of the access matrix of which nothing is known, because it could not be tried."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.access.matrix import ALLOWED, RouteTrial
from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.migrations_text import place_of_table
from clarivum.checks.rule import Rule
from clarivum.checks.rules.auth.resources import matrix_of, team_of_resource
from clarivum.checks.sources import shown
from clarivum.database.trial import NO_GRANT, NO_POLICY, SAMPLES_FILE, Reach, TableTrial


def look(facts: Facts) -> Iterator[Problem]:
    matrix = matrix_of(facts)
    if matrix is None:
        return
    for trial in matrix.tables:
        untried = {
            f"{verb} as {role}"
            for (_, role), cells in trial.cells.items()
            for verb, cell in cells.items()
            if cell.reach is Reach.UNTRIED
        }
        if untried:
            place = place_of_table(facts.places, trial.table)
            message = f"{trial.untried}; untried: {', '.join(sorted(untried))}"
            fix = f"add an INSERT for {trial.table} to supabase/{SAMPLES_FILE} (docs/guide/auth.md)"
            yield Problem(place.file, place.line, trial.table, message, fix, team_of_resource(facts, trial.table))
        for policy in sorted(silent_policies(trial)):
            place = facts.places.get(f"policy {trial.table}.{policy}") or place_of_table(facts.places, trial.table)
            message = "let no row through, for no caller and in no state that was tried"
            fix = f"give a row that it is meant for in supabase/{SAMPLES_FILE}, or drop the policy"
            team = team_of_resource(facts, trial.table)
            yield Problem(place.file, place.line, f"{trial.table}.{policy}", message, fix, team)
    for route in facts.application.routes:
        name = f"{route.method} {route.path}"
        cells = matrix.route(name)
        if cells is None:
            continue
        missing = {caller: cell.outcome for caller, cell in cells.cells.items() if not cell.is_tried}
        if not missing and nobody_got_through(cells):
            missing = {caller: cell.outcome for caller, cell in cells.cells.items() if cell.let_in}
        if missing:
            message = (
                f"the guard lets {', '.join(missing)} in, and the request did not get through the handler: "
                f"{', '.join(dict.fromkeys(missing.values()))}"
            )
            fix = "give the contract an example that it accepts itself (json_schema_extra), or mend the handler"
            yield Problem(shown(Path(route.file), facts.root), route.line, name, message, fix)


def nobody_got_through(trial: RouteTrial) -> bool:
    """Whether the guard lets callers in and the handler itself refuses each of them."""
    let_in = [cell for cell in trial.cells.values() if cell.let_in]
    return bool(let_in) and not any(cell.outcome == ALLOWED or cell.database for cell in let_in)


def silent_policies(trial: TableTrial) -> set[str]:
    """The policies that were named where a row was refused, and never where one was let through."""
    asked: set[str] = set()
    giving: set[str] = set()
    for cells in trial.cells.values():
        for cell in cells.values():
            gives = cell.reach not in {Reach.NONE, Reach.UNTRIED} or any(
                then is not Reach.NONE for _, then in cell.when
            )
            (giving if gives else asked).update(cell.by)
    return asked - giving - {NO_GRANT, NO_POLICY}


RULE = Rule(
    id="auth/cell-untried",
    looks_for="A table for which no row could be made, so that policies had nothing to let through; a policy that let "
    "no row through for anybody, though callers hold the grant; or a route whose example request did not get through "
    "the handler from a caller whom the guard lets in (it was refused as invalid, or the handler failed).",
    why="An untried cell is a hole in the matrix, and looks like a cell where nothing is allowed.",
    fix=f"give a sample row in supabase/{SAMPLES_FILE}, or an example in the contract",
    look=look,
)
