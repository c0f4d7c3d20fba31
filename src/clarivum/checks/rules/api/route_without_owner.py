"""A feature whose routes, jobs and queries nobody answers for."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import has_star, keyword, text
from clarivum.owners import unknown_owner


def look(facts: Facts) -> Iterator[Problem]:
    teams = ", ".join(sorted(facts.owners))
    for feature in facts.features:
        given = keyword(feature.call, "owner")
        owner = text(given)
        if given is None and not has_star(feature.call):
            message = "the feature names no owner"
        elif owner is not None and owner not in facts.owners:
            message = unknown_owner(owner, facts.owners)
        else:
            continue
        yield Problem(feature.file, feature.line, feature.subject, message, f"owner= one of {teams}, or add the team")


RULE = Rule(
    id="api/route-without-owner",
    looks_for="A `Feature(…)` without `owner=`, or with an owner that owners.toml does not name.",
    why="Routes, jobs and queries inherit the owner of their feature. Without one, nobody is asked for a review and "
    "nobody is called when the feature fails.",
    fix="name a team of owners.toml: Feature(…, owner='growth')",
    look=look,
    needs_application=False,
)
