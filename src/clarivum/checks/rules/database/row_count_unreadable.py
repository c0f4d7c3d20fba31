"""A row count, or what else a comment tells the planner, that cannot be read."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import problem, tables
from clarivum.database.planning.assumptions import unreadable


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        for declared in unreadable(table.comment):
            yield problem(facts, table, f"{declared!r} in its comment is no number, so it is not used")
        for column in table.columns:
            for declared in unreadable(column.comment):
                message = f"{declared!r} in the comment of {column.name} is no number, so it is not used"
                yield problem(facts, table, message)


RULE = Rule(
    id="database/row-count-unreadable",
    looks_for="A `rows:` in the comment of a table, or a `distinct:` or `nulls:` in that of a column, whose number "
    "cannot be read.",
    why="Queries would be planned for ten million rows although another number was declared, and nobody would be told.",
    fix="write digits, with _ or , between them: rows: 2_000_000; distinct: 400; nulls: 0.9 (a share, 0 to 1)",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
