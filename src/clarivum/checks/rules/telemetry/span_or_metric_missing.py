"""A route or job that leaves no span or no metric behind."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown
from clarivum.errors import DeclarationError


def look(facts: Facts) -> Iterator[Problem]:
    try:
        exported = facts.exported
    except DeclarationError as error:
        yield Problem(facts.package, 1, facts.package, f"the routes cannot be served together: {error.detail}")
        return
    if exported is None:
        return
    for route in facts.application.routes:
        subject = f"{route.method} {route.path}"
        missing = exported.missing_of_route(route.method, route.path)
        if missing:
            message = f"after a request no {' and no '.join(missing)} came out"
            yield Problem(shown(Path(route.file), facts.root), route.line, subject, message)
    for job in facts.application.jobs.values():
        missing = exported.missing_of_job(job.name, job.queue)
        if missing:
            message = f"after a message no {' and no '.join(missing)} came out"
            yield Problem(shown(Path(job.file), facts.root), job.line, job.name, message)


RULE = Rule(
    id="telemetry/span-or-metric-missing",
    looks_for="A route or job for which no span or no duration came out of the exporters, after the check called it: "
    "every route with a token it must refuse, every job through its queue with a handler that does nothing.",
    why="Spans and metrics come by construction; what is asserted here is what was really exported, so that a "
    "filter, a sampler or a new path around the platform cannot lose them unnoticed.",
    fix="serve the route with clarivum.api.server, run the job with the platform's worker, and export what they record",
    look=look,
)
