"""A table that no team answers for."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import name_of, owner_of, problem, tables
from clarivum.owners import unknown_owner


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if table.partition_of and not table.comment:
            continue  # its table's owner is its own
        owner = owner_of(table)
        if owner not in facts.owners:
            message = f"its {unknown_owner(owner, facts.owners)}" if owner else "its comment names no owner"
            fix = f"comment on table {name_of(table)} is 'owner: {min(facts.owners, default='team')}. What it holds.';"
            yield problem(facts, table, message, fix)


RULE = Rule(
    id="database/table-without-owner",
    looks_for="A table whose comment does not read `owner: <team>. …` with a team of owners.toml.",
    why="The guide asks to confirm data ownership before a change. The comment travels with the table, into dumps, "
    "diagrams and every finding about it.",
    fix="begin the table's comment with 'owner: team.', a team of owners.toml",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
