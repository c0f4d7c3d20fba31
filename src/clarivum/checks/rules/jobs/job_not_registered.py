"""A job that is declared but part of no feature."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.usage import handler_key


def look(facts: Facts) -> Iterator[Problem]:
    registered = {handler_key(job.handler) for job in facts.application.jobs.values()}
    for job in facts.jobs:
        if job.key not in registered:
            message = f"{job.handler} is declared, but no feature of the application registers it"
            yield Problem(job.file, job.line, job.subject, message)


RULE = Rule(
    id="jobs/job-not-registered",
    looks_for="A function under `@job` that stands in no feature's `jobs=`.",
    why="No worker reads its queue: what is enqueued for it waits for ever, and enqueueing it fails in the producer.",
    fix="add it to jobs=[…] of its feature, or delete it",
    look=look,
)
