"""A waiver that waives nothing."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Level, Problem
from clarivum.checks.rule import Rule
from clarivum.checks.waivers import FILE
from clarivum.owners import unknown_owner


def look(facts: Facts) -> Iterator[Problem]:
    for waiver in facts.waivers:
        if waiver.owner not in facts.owners:
            message = f"its {unknown_owner(waiver.owner, facts.owners)}"
        elif waiver.rule in facts.judged and waiver not in facts.used_waivers and not waiver.is_expired(facts.today):
            message = f"{waiver.rule} finds nothing about {waiver.subject} any more"
        elif waiver.rule not in facts.rule_ids:
            message = f"there is no rule {waiver.rule!r}"
        else:
            continue
        yield Problem(FILE, waiver.line, waiver.subject, message, team=waiver.owner)


RULE = Rule(
    id="checks/waiver-unused",
    looks_for="An entry of waivers.toml that matches no finding, names no rule there is, or an owner that is no team.",
    why="It would silently waive the next finding of that name, which nobody has looked at.",
    fix="delete the entry, or correct its rule, subject or owner",
    look=look,
    level=Level.WARNING,
    needs_application=False,
)
