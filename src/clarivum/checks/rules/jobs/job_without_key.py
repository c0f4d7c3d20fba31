"""A job that does not say which of its runs are the same run."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import has_star, is_none, keyword, text


def look(facts: Facts) -> Iterator[Problem]:
    for job in facts.jobs:
        key = keyword(job.call, "key")
        if is_none(key) or text(key) == "" or (key is None and not has_star(job.call)):
            yield Problem(job.file, job.line, job.subject, f"{job.handler} names no idempotency key")


RULE = Rule(
    id="jobs/job-without-key",
    looks_for="A function under `@job` whose `key=` is missing, None or empty.",
    why="Queues deliver more than once. The key is what makes the second delivery find the first one's effect; "
    "without it a retry charges twice.",
    fix="name the payload field whose value stands for one effect: @job(EnrichLead, key='lead_id', …)",
    look=look,
    needs_application=False,
)
