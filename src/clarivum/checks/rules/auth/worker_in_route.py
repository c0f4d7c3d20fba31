"""A route whose handler becomes the worker without saying why."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown
from clarivum.checks.usage import handler_key


def look(facts: Facts) -> Iterator[Problem]:
    for route in facts.application.routes:
        name, uses = f"{route.method} {route.path}", facts.usage.worker_uses.get(handler_key(route.handler), ())
        if uses and route.as_worker is None:
            first = uses[0]
            told = (
                f"{first.function[1]} becomes clarivum_worker, whose policies do not ask who is calling: only the "
                "conditions of its statements tell one caller's rows from another's"
            )
            yield Problem(shown(first.source.path, facts.root), first.call.lineno, name, told)
        elif route.as_worker is not None and not uses:
            told = "declares as_worker=…, and nothing that its handler calls becomes the worker"
            yield Problem(shown(Path(route.file), facts.root), route.line, name, told)


RULE = Rule(
    id="auth/worker-in-route",
    looks_for="A route whose handler, or a function that it calls, uses `tx.as_worker()` while the route declares no "
    "`as_worker=` reason; and a reason that nothing needs any more.",
    why="Under clarivum_worker no policy says whose a row is. One condition forgotten in such a statement shows a "
    "caller what is another's, and no cell of the access matrix changes.",
    fix="give the caller's own role policies and grants for what the route does; where that cannot be (a visitor who "
    "may add a row and read none), declare as_worker='why' on the route",
    look=look,
)
