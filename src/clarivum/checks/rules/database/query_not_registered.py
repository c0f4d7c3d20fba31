"""A query file that is part of no feature, so that its statements run and no rule sees their plans."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown


def look(facts: Facts) -> Iterator[Problem]:
    registered = {Path(query.file).resolve() for query in facts.application.queries}
    for path in facts.query_files:
        if path.resolve() not in registered:
            message = "no feature of the application registers its queries, so none of them is planned"
            yield Problem(shown(path, facts.root), 1, path.parent.name, message)


RULE = Rule(
    id="database/query-not-registered",
    looks_for="A queries.sql of the application that stands in no feature's `queries=`.",
    why="Its statements can be loaded and run all the same. Only those of the features are prepared, planned at "
    "production size and compared with their row classes.",
    fix="add queries=queries to its feature, or delete the file",
    look=look,
)
