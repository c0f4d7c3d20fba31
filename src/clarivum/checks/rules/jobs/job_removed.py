"""A job that is declared no more while its queue may still hold messages."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule


def look(facts: Facts) -> Iterator[Problem]:
    declared = facts.application.jobs
    for name, there in facts.committed_payloads.items():
        if name not in declared:
            yield Problem(there.path.as_posix(), 1, name, f"job {name} is not declared, its queue {there.queue} stays")


RULE = Rule(
    id="jobs/job-removed",
    looks_for="A committed payload schema in `clients/payloads/` whose job is declared nowhere.",
    why="No worker reads the queue of a job that is gone: what was enqueued before the deployment, or by a process "
    "that still runs the old code, is never run, and nothing says so. A renamed job is a removed and a new one.",
    fix="keep the job until its queue is empty and nobody enqueues it; then drop the queue by a migration and delete "
    "the file",
    look=look,
)
