"""A route that is declared but part of no feature."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.usage import handler_key


def look(facts: Facts) -> Iterator[Problem]:
    served = {handler_key(route.handler) for route in facts.application.routes}
    for route in facts.routes:
        if route.key not in served:
            message = f"{route.handler} is declared, but no feature of the application serves it"
            yield Problem(route.file, route.line, route.subject, message)


RULE = Rule(
    id="api/route-not-served",
    looks_for="A function under a verb that stands in no feature's `routes=`.",
    why="Such a route answers 404 although its code, tests and review say otherwise; and the other rules, which look "
    "at the served application, never see it.",
    fix="add it to routes=[…] of its feature, or delete it",
    look=look,
)
