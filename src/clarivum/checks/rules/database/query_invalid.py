"""A declared query that the migrated database cannot prepare."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database import query_file_invalid


def look(facts: Facts) -> Iterator[Problem]:
    told = {(problem.file, problem.subject) for problem in query_file_invalid.look(facts)}
    for query, description in facts.descriptions.items():
        file, _ = facts.place_of(query)
        if description.refusal and (file, query.name) not in told:
            line = query.sql_line + query.sql.count("\n", 0, description.offset)
            fix = ""
            if "could not determine data type" in description.refusal:
                fix = "say the parameter's type where it stands: %(name)s::text"
            yield Problem(file, line, query.name, f"Postgres cannot prepare it: {description.refusal}", fix)


RULE = Rule(
    id="database/query-invalid",
    looks_for="A declared query that Postgres refuses to prepare in a database with all migrations applied: a column "
    "or table that is not there, a type that does not fit.",
    why="It would fail on its first use. Preparing finds it before, without data and without running it.",
    fix="correct the query, or add the migration it waits for",
    look=look,
)
