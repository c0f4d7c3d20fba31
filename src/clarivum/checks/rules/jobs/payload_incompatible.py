"""A change of a payload that messages already in the queue would fail."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.payloads import incompatibilities
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown


def look(facts: Facts) -> Iterator[Problem]:
    for job in facts.application.jobs.values():
        there = facts.committed_payloads.get(job.name)
        if there is not None:
            for objection in incompatibilities(job, there):
                yield Problem(shown(Path(job.file), facts.root), job.line, job.name, objection)


RULE = Rule(
    id="jobs/payload-incompatible",
    looks_for="A payload type that would refuse what its committed schema in `clients/payloads/` accepts, under the "
    "newest version or an older one that is kept there, without an upcast; an upcast that makes no valid payload of an "
    "example message; a key that changed; a schema_version that went back.",
    why="Messages written by yesterday's code are in the queue when today's worker starts. An invalid payload is "
    "terminal: every one of them would become a dead letter at once.",
    fix="keep the field, or give the new one a default; else raise schema_version, give "
    "`upcasts = {1: from_version_1}`, and run ./clarivum jobs types",
    look=look,
)
