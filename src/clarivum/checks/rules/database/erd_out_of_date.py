"""A diagram or list of tables that is not what the migrations and queries make."""

from collections.abc import Iterator

from clarivum.checks.erd import COMMAND, PAGE, erd_page, erd_parts
from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.pages.registry import first_difference
from clarivum.checks.rule import Ask, Rule
from clarivum.errors import ConfigurationError


def look(facts: Facts) -> Iterator[Problem]:
    if facts.migration_refusal is not None:
        return  # database/migration-fails says so
    page = PAGE.as_posix()
    path = facts.root / PAGE
    there = path.read_text(encoding="utf-8") if path.exists() else None
    if there is None:
        yield Problem(page, 1, page, f"the page is missing; {COMMAND} writes it")
        return
    try:
        wanted = erd_page(there, erd_parts(facts))
    except ConfigurationError as error:
        yield Problem(page, 1, page, error.detail, "mend the marks, or delete the part with both of them")
        return
    line = first_difference(there, wanted)
    if line:
        yield Problem(page, line, page, "its diagram or table list differs from what migrations and queries say")


RULE = Rule(
    id="database/erd-out-of-date",
    looks_for="A part of docs/architecture.md that `./clarivum db erd` makes (its marks say so) and that differs from "
    "what it would write now, or is missing: the diagram, owners, purposes, row counts, policies, indexes and the "
    "queries that use each.",
    why="The guide asks to update the ERD with the schema. A diagram that nobody compares is believed for as long as "
    "it is wrong.",
    fix="run ./clarivum db erd and commit what it writes",
    look=look,
    ask=Ask.DATA_CHAMPION,
)
