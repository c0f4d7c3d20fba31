"""A table without row-level security."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.tables import name_of, problem, tables


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if not table.row_security:
            fix = f"alter table {name_of(table)} enable row level security;"
            yield problem(facts, table, "row-level security is not enabled", fix)


RULE = Rule(
    id="database/table-without-rls",
    looks_for="A table for which `enable row level security` was never said.",
    why="Without it, whoever holds a grant on the table sees every row of every member; policies that exist are "
    "ignored.",
    fix="run alter table … enable row level security in a migration",
    look=look,
    needs_application=False,
)
