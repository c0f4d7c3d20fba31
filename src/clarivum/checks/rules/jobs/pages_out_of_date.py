"""A page about the jobs that is not what the declarations would give now."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.pages.job_pages import JOBS_PAGE, RUNBOOK, job_pages
from clarivum.checks.pages.registry import COMMAND, first_difference
from clarivum.checks.rule import Rule
from clarivum.errors import ConfigurationError


def look(facts: Facts) -> Iterator[Problem]:
    if not any((facts.root / path).is_file() for path in (JOBS_PAGE, RUNBOOK)):
        return  # an application that keeps no such pages
    try:
        wanted = job_pages(facts.application.jobs, facts.owners, facts.root)
    except ConfigurationError as refused:
        yield Problem(RUNBOOK, 1, RUNBOOK, refused.detail)
        return
    for page, text in wanted.items():
        path = facts.root / page
        if not path.is_file():
            yield Problem(page, 1, page, f"the page is missing; {COMMAND} writes it")
        elif line := first_difference(path.read_text(encoding="utf-8"), text):
            yield Problem(page, line, page, "the page differs from what the declarations of the jobs say")


RULE = Rule(
    id="jobs/pages-out-of-date",
    looks_for="A `docs/jobs.md`, or the part about the jobs of `docs/runbooks/deployment.md`, that differs from what "
    "the declarations would give now; one of the two without the other.",
    why="Who is woken by an alarm reads there whom to ask and how to pause the job.",
    fix=f"run {COMMAND} and commit what it writes",
    look=look,
)
