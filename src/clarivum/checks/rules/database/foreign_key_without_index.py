"""A foreign key whose columns no index begins with."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import problem, tables
from clarivum.database.planning.weakness import BIG_TABLE_ROWS


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if table.rows < BIG_TABLE_ROWS:
            continue
        for key in table.foreign_keys:
            if not any(set(index.keys[: len(key.columns)]) == set(key.columns) for index in table.indexes):
                columns = ", ".join(key.columns)
                name = f"{table.name}_{'_'.join(key.columns)}_idx"
                message = f"no index begins with ({columns}), which references {key.references}"
                yield problem(
                    facts, table, message, f"create index concurrently {name} on {table.qualified} ({columns});"
                )


RULE = Rule(
    id="database/foreign-key-without-index",
    looks_for="A foreign key of a table of at least 10,000 expected rows whose columns are not the first of any index.",
    why="Deleting or re-keying one row of the referenced table then reads the whole referencing table, holding locks "
    "meanwhile.",
    fix="create index concurrently … on the referencing columns",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
