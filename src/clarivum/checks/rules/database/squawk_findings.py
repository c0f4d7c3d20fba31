"""What squawk finds in the migrations."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.gate import author_of
from clarivum.checks.lint import squawk
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown


def look(facts: Facts) -> Iterator[Problem]:
    for found in facts.squawked:
        file, message = shown(found.migration.path, facts.root), f"squawk {found.rule}: {found.message}"
        yield Problem(file, found.line, found.subject, message, found.help, author_of(found.migration))


RULE = Rule(
    id=squawk.RULE,
    looks_for="What squawk warns of in a migration: a statement that locks a large table, breaks running clients, or "
    "cannot be taken back. A finding names squawk's own rule and carries its help. Left out are the rules whose matter "
    "the push itself sees to (time limits, running again), those that other rules here judge, narrow integers that "
    "are no keys, and CONCURRENTLY where Postgres has none; the guide lists them.",
    why="What passes on an empty laptop in a millisecond can stop production for minutes. `./clarivum db push` runs "
    "squawk on the pending files and refuses what it finds.",
    fix="do it the way squawk names, or waive it with `<migration>:<line> <squawk's rule>`",
    look=look,
    needs_application=False,
)
