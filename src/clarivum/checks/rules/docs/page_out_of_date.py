"""A generated page that is not what its command would write now."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.pages.registry import COMMAND, first_difference, pages
from clarivum.checks.rule import Rule


def look(facts: Facts) -> Iterator[Problem]:
    for page in pages():
        path = facts.root / page.path
        if not path.exists():
            yield Problem(page.path, 1, page.path, f"the page is missing; {COMMAND} writes it")
            continue
        line = first_difference(path.read_text(encoding="utf-8"), page.text())
        if line:
            yield Problem(page.path, line, page.path, "the page differs from what its declarations say")


RULE = Rule(
    id="docs/page-out-of-date",
    looks_for="A page of docs/ that is generated from the code (its first line says so) and differs from what would "
    "be written now, or is missing.",
    why="A page that nobody compares is believed for as long as it is wrong.",
    fix="run ./clarivum docs and commit what it writes",
    look=look,
    needs_application=False,
)
