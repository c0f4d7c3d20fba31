"""A job that does not say how long an attempt may take."""

import ast
from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import has_star, is_none, keyword


def look(facts: Facts) -> Iterator[Problem]:
    for job in facts.jobs:
        timeout = keyword(job.call, "timeout_s")
        if timeout is None and not has_star(job.call):
            yield Problem(job.file, job.line, job.subject, f"{job.handler} does not say how long an attempt may take")
        elif is_none(timeout) or (isinstance(timeout, ast.Constant) and timeout.value in {0, ""}):
            yield Problem(job.file, job.line, job.subject, f"{job.handler} lets an attempt take for ever")


RULE = Rule(
    id="jobs/job-without-timeout",
    looks_for="A function under `@job` whose `timeout_s=` is missing, None or 0.",
    why="The queue's visibility, the Lambda's limit and the alarm on a job's age all follow from the timeout. The "
    "default of 10 s serves whoever tries something out; what runs in production states its own.",
    fix="state the seconds after which an attempt has certainly failed: timeout_s=10",
    look=look,
    needs_application=False,
)
