"""A committed AWS template that is not what the declarations would give now."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.pages.registry import first_difference
from clarivum.checks.rule import Rule
from clarivum.errors import DeclarationError
from clarivum.jobs.infrastructure import COMMAND, PATH, template_text


def look(facts: Facts) -> Iterator[Problem]:
    path = facts.root / PATH
    if not path.is_file():
        return  # not deployed to Lambda
    try:
        wanted = template_text(facts.application.jobs, facts.target)
    except DeclarationError as refused:
        yield Problem(PATH, 1, PATH, f"no template can be made: {refused.detail}")
        return
    line = first_difference(path.read_text(encoding="utf-8"), wanted)
    if line:
        yield Problem(PATH, line, PATH, "the template differs from what the declarations of the jobs say")


RULE = Rule(
    id="jobs/template-out-of-date",
    looks_for="An `infra/template.yaml` that differs from what the declarations of the jobs would give now, or none "
    "can be made because a declaration asks for more than AWS gives.",
    why="What is deployed from an old template has another time limit, schedule or concurrency than the code says, or "
    "no queue for a new job.",
    fix=f"run {COMMAND} and commit what it writes",
    look=look,
)
