"""A migration that an empty database refuses."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule


def look(facts: Facts) -> Iterator[Problem]:
    if facts.migration_refusal is not None:
        yield facts.migration_refusal


RULE = Rule(
    id="database/migration-fails",
    looks_for="A file of supabase/migrations that cannot be applied, in order, to a fresh server with the baseline.",
    why="Whoever clones the repository, and whoever restores into an empty project, applies all of them. The other "
    "rules of this chapter look at the database that results.",
    fix="correct the named statement; a file that was applied anywhere is not edited, a new one is added",
    look=look,
    needs_application=False,
)
