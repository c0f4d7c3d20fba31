"""What Supabase's security and performance advisors say of the migrated database."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.migrations_text import Place
from clarivum.checks.rule import Rule

NOWHERE = Place("supabase/migrations", 1)


def look(facts: Facts) -> Iterator[Problem]:
    if facts.advice is None:
        facts.not_judged(RULE.id)
        return
    for advice in facts.advice:
        place = facts.places.get(f"{advice.kind} {advice.object}", NOWHERE)
        yield Problem(place.file, place.line, advice.subject, advice.message, advice.fix)


RULE = Rule(
    id="database/advisor",
    looks_for="Every finding of Supabase's advisors, security and performance, from level INFO on, made by the "
    "Supabase CLI on the scratch database. Without the CLI the advisors do not look, and the report says so. "
    "`unused_index` is one finding for all indexes: on a database that served no query it names each of them.",
    why="A hosted project shows the same list in its dashboard. It stays empty, so that a new entry there means "
    "something.",
    fix="follow the page that the finding names",
    look=look,
    needs_application=False,
)
