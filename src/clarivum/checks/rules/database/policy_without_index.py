"""A policy that compares a column no index begins with."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import problem, tables
from clarivum.database.planning.conditions import Shape, conjuncts, normal
from clarivum.database.planning.weakness import BIG_TABLE_ROWS


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if table.rows < BIG_TABLE_ROWS:
            continue
        leading = {normal(index.keys[0]) for index in table.indexes if index.keys}
        for policy in table.policies:
            compared = [
                part.expressions[0]
                for part in conjuncts(policy.using, table.name)
                if part.shape is Shape.EQUAL and len(part.expressions) == 1
            ]
            for column in dict.fromkeys(compared):
                if column not in leading:
                    yield problem(
                        facts,
                        table,
                        f"the policy compares {column}, and no index begins with it",
                        f"create index concurrently {table.name}_{column}_idx on {table.qualified} ({column});",
                        made=f"policy {table.qualified}.{policy.name}",
                    )


RULE = Rule(
    id="database/policy-without-index",
    looks_for="A policy on a table of at least 10,000 expected rows with `column = …` in its USING, where no index "
    "of the table has that column first.",
    why="A policy is part of every query on the table. Without the index, each of them reads every member's rows to "
    "find the caller's.",
    fix="create index concurrently … on the compared column",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
