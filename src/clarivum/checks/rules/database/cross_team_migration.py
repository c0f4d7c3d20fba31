"""A migration that changes another team's tables without an addendum, or does not say whose it is."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.gate import lacking, uncovered
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown
from clarivum.owners import unknown_owner


def look(facts: Facts) -> Iterator[Problem]:
    for reading in facts.readings:
        migration = reading.migration
        file = shown(migration.path, facts.root)
        if reading.author not in facts.owners:
            said = (
                f"its {unknown_owner(reading.author, facts.owners, 'author')}" if reading.author else "names no author"
            )
            yield Problem(file, 1, str(migration), said, "begin the file with a line `-- author: <team>`")
        for crossing in uncovered(migration, reading.crossings, facts.addenda):
            what = f"touches {crossing.object} of {crossing.owner} ({', '.join(crossing.acts)})"
            lacks = lacking(migration, facts.addenda)
            yield Problem(file, crossing.line, str(migration), f"{what}; {lacks}", team=crossing.owner)


RULE = Rule(
    id="database/cross-team-migration",
    looks_for="A migration that alters, drops, indexes, references, writes to or otherwise touches an object of a "
    "team other than the one in its `-- author:` line, while no ADR addendum below docs/adr names the migration and "
    "that object; and a migration without such a line.",
    why="Whoever reads from a table, locks it or relies on its policies learns of the change before it is applied, "
    "from a page that stays. `./clarivum db push` refuses such a migration as well.",
    fix="agree on it with the owners, and write an addendum with `./clarivum adr new --addendum`, which names the "
    "migration and the objects; it counts when it is filled in",
    look=look,
    needs_application=False,
)
