"""A table that nobody was granted."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.tables import name_of, problem, tables


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if not table.grants and not table.partition_of:
            fix = f"grant select on {name_of(table)} to authenticated;   -- the roles and verbs that its routes need"
            yield problem(facts, table, "it is granted to no role", fix)


RULE = Rule(
    id="database/table-without-grant",
    looks_for="A table without any explicit grant. A partition is read through its table and needs none.",
    why="Since 2026-10-30 Supabase gives new tables in `public` no automatic grants, so a table without one fails "
    "with 42501 in production, whatever its policies say.",
    fix="grant … on … to the roles whose routes and jobs use it",
    look=look,
    needs_application=False,
)
