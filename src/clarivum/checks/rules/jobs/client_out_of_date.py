"""A file of the TypeScript client that is not what the declarations would give now."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.pages.registry import first_difference
from clarivum.checks.rule import Rule
from clarivum.errors import ConfigurationError
from clarivum.jobs.typescript import COMMAND, FOLDER, client_files


def look(facts: Facts) -> Iterator[Problem]:
    if not (facts.root / FOLDER).is_dir():
        return  # nobody enqueues from TypeScript
    try:
        wanted = client_files(facts.application.jobs)
    except ConfigurationError as refused:
        yield Problem(FOLDER, 1, FOLDER, f"no client can be made: {refused.detail}")
        return
    for file, text in wanted.items():
        path = facts.root / file
        if not path.is_file():
            yield Problem(file, 1, file, f"the file is missing; {COMMAND} writes it")
        elif line := first_difference(path.read_text(encoding="utf-8"), text):
            yield Problem(file, line, file, "the client differs from what the declarations of the jobs say")


RULE = Rule(
    id="jobs/client-out-of-date",
    looks_for="A generated file in `clients/typescript/` that differs from what the declarations of the jobs would "
    "give now, is missing, or cannot be made because a payload has no equal in TypeScript.",
    why="A Next.js server that enqueues with an old client sends what the workers make a dead letter of, or to a key "
    "that is another run's.",
    fix=f"run {COMMAND} and commit what it writes",
    look=look,
)
