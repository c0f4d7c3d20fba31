"""A foreign key whose columns no index begins with."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.index_reach import serves
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.rules.database.tables import name_of, problem, tables
from clarivum.database.planning.quoting import quoted
from clarivum.database.planning.weakness import BIG_TABLE_ROWS


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        if table.rows < BIG_TABLE_ROWS or table.partition_of:
            continue
        for key in table.foreign_keys:
            if not any(serves(index, key) for index in table.indexes):
                columns = ", ".join(map(quoted, key.columns))
                name = quoted(f"{table.name}_{'_'.join(key.columns)}_idx")
                message = f"no index begins with ({columns}), which references {key.references}"
                how = "" if table.kind == "p" else "concurrently "
                yield problem(facts, table, message, f"create index {how}{name} on {name_of(table)} ({columns});")


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
