"""A view that reads as its owner instead of as its caller."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.placing import at_view


def look(facts: Facts) -> Iterator[Problem]:
    for view in facts.objects.views:
        if view.kind == "v" and not view.invoker:
            read = f", and {', '.join(view.readers)} may read it" if view.readers else ""
            message = f"it reads its tables with its owner's privileges and policies{read}"
            yield at_view(facts, view, message, f"alter view {view.name} set (security_invoker = true);")


RULE = Rule(
    id="database/view-without-invoker",
    looks_for="A view that does not say `security_invoker = true`.",
    why="A plain view reads its tables as its owner. Migrations are run by a login that no policy holds back, so "
    "whoever may read the view sees every member's rows, however strict the policies of the tables are.",
    fix="write create view … with (security_invoker = true) as …",
    look=look,
    needs_application=False,
)
