"""A route that does not say who may call it."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import has_star, is_none, keyword


def look(facts: Facts) -> Iterator[Problem]:
    for route in facts.routes:
        access = keyword(route.call, "access")
        if is_none(access) or (access is None and not has_star(route.call)):
            yield Problem(route.file, route.line, route.subject, f"{route.handler} does not declare who may call it")


RULE = Rule(
    id="api/route-without-access",
    looks_for="A function under a verb (`@get`, `@post`, …) whose `access=` is missing or None.",
    why="The platform refuses to guess: a route is closed until somebody says who may open it, so the start-up "
    "stops. This rule names every such route at once, before anything is started.",
    fix="declare access=anyone(rate='10/minute'), access=authenticated() or access=role('editor') on the verb",
    look=look,
    needs_application=False,
)
