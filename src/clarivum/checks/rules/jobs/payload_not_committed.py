"""A committed payload schema that is not what the declaration says now."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.payloads import incompatibilities
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown
from clarivum.jobs.committed import COMMAND, wanted


def look(facts: Facts) -> Iterator[Problem]:
    for job in facts.application.jobs.values():
        there = facts.committed_payloads.get(job.name)
        file = wanted(job, there).path.as_posix()
        place = (shown(Path(job.file), facts.root), job.line, job.name)
        if there is None:
            yield Problem(*place, f"{file} is missing; {COMMAND} writes it")
        elif wanted(job, there) != there and not any(incompatibilities(job, there)):
            yield Problem(*place, f"{file} is out of date; {COMMAND} writes it")


RULE = Rule(
    id="jobs/payload-not-committed",
    looks_for="A declared job without its file in `clients/payloads/`, or whose file says something else than the "
    "declaration.",
    why="The committed schema is what queued messages were written under: the next change of the payload is compared "
    "with it, and producers in other languages are generated from it.",
    fix="run ./clarivum jobs types and commit what it writes",
    look=look,
)
