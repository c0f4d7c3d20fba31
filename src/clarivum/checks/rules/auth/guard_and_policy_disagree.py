"""A guard that lets in whom the database refuses, or refuses whom the database would let read."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.access.agreement import disagreements
from clarivum.checks.access.personas import personas
from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.migrations_text import place_of_table
from clarivum.checks.rule import Rule
from clarivum.checks.rules.auth.resources import matrix_of, team_of_resource
from clarivum.checks.sources import shown


def look(facts: Facts) -> Iterator[Problem]:
    matrix = matrix_of(facts)
    if matrix is None:
        return
    for found in disagreements(facts.application.routes, facts.usage, matrix, personas()):
        if found.route is not None:
            yield Problem(shown(Path(found.route.file), facts.root), found.route.line, found.subject, found.message)
        else:
            made = facts.places.get(f"policy {found.table}.{found.policy}")
            place = made or place_of_table(facts.places, found.table)
            team = team_of_resource(facts, found.table)
            yield Problem(place.file, place.line, found.subject, found.message, team=team)


RULE = Rule(
    id="auth/guard-and-policy-disagree",
    looks_for="A route whose guard lets a caller in while the database refuses a statement of its handler, or gives "
    "that caller no row of a table that the handler needs; and a table on which a policy lets a caller reach others' "
    "rows while every route that does so under that database role refuses the caller.",
    why="Guard and policies are two locks on one door. Where they disagree one of them is wrong: the route fails or "
    "answers with emptiness, or a single mistake in a guard opens what the policies should have kept shut.",
    fix="decide who may do it, and say the same in access=… and in the policy",
    look=look,
)
