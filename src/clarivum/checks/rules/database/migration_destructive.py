"""A migration that destroys something a database may hold."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.gate import author_of
from clarivum.checks.lint.judgement import DESTRUCTIVE
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.sources import shown


def look(facts: Facts) -> Iterator[Problem]:
    for defect in facts.defects:
        if defect.rule == DESTRUCTIVE:
            migration, line = defect.place.migration, defect.place.statement.line
            file, team = shown(migration.path, facts.root), author_of(migration)
            yield Problem(file, line, defect.subject, defect.message, defect.fix, team)


RULE = Rule(
    id=DESTRUCTIVE,
    looks_for="DROP of a table, column, schema, sequence or extension; DROP … CASCADE of a type or function; DROP "
    "OWNED; TRUNCATE; DELETE without a WHERE that chooses; a change of a column's type that rewrites the table or may "
    "lose values; SET UNLOGGED. In DO blocks as well. What the same file made may be dropped by it.",
    why="What a migration deletes is gone in every environment it reaches, and the release before it still reads the "
    "column. `./clarivum db push` refuses such a file until a waiver names it, so that somebody has answered for it.",
    fix="add what is new beside it, move the readers over, and drop the old one in a later release",
    look=look,
    ask=Ask.DATA_CHAMPION,
    needs_application=False,
)
