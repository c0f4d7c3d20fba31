"""Where a problem with a view, a function or an expression is placed, and whose it is."""

import re

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.migrations_text import Place
from clarivum.checks.sources import shown
from clarivum.database.planning import Function, View
from clarivum.owners import owner_in

QUOTED = re.compile(r'"((?:[^"]|"")*)"')
NOWHERE = Place("supabase/migrations", 1)
"""Of what no migration creates by a statement of its own: something a DO block made."""


def at_view(facts: Facts, view: View, message: str, fix: str) -> Problem:
    """A problem at the statement that creates a view, materialized view or foreign table."""
    name = plain(view.name)
    place = facts.places.get(f"view {name}") or facts.places.get(f"table {name}", NOWHERE)
    return Problem(place.file, place.line, name, message, fix, _team(facts, view.comment, place))


def at_function(facts: Facts, function: Function, message: str, fix: str) -> Problem:
    """A problem at the statement that creates a function or procedure; the subject is its signature."""
    place = facts.places.get(f"function {plain(function.name)}/{function.inputs}", NOWHERE)
    return Problem(place.file, place.line, function.signature, message, fix, _team(facts, function.comment, place))


def plain(name: str) -> str:
    """A qualified name without its quotes, as places are kept."""
    return QUOTED.sub(lambda found: found[1].replace('""', '"'), name)


def _team(facts: Facts, comment: str, place: Place) -> str:
    """Whom the comment names, else the author of the migration."""
    authors = {shown(each.migration.path, facts.root): each.author for each in facts.readings}
    return owner_in(comment) or authors.get(place.file) or ""
