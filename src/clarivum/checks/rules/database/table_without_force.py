"""A table whose owner is exempt from its policies."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.tables import name_of, problem, tables


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if table.row_security and not table.forced:
            fix = f"alter table {name_of(table)} force row level security;"
            yield problem(facts, table, "its owner is exempt from its policies", fix)


RULE = Rule(
    id="database/table-without-force",
    looks_for="A table with row-level security that was not told `force row level security`.",
    why="Without FORCE the table's owner sees all rows, and so does every view and SECURITY DEFINER function that "
    "the owner made: the usual way in which policies are bypassed without anybody noticing.",
    fix="run alter table … force row level security in a migration",
    look=look,
    needs_application=False,
)
