"""A waiver whose date has passed."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.waivers import FILE


def look(facts: Facts) -> Iterator[Problem]:
    for waiver in facts.waivers:
        if waiver.is_expired(facts.today):
            message = f"the waiver of {waiver.rule} expired on {waiver.expires.isoformat()}: {waiver.reason}"
            yield Problem(FILE, waiver.line, waiver.subject, message, team=waiver.owner)


RULE = Rule(
    id="checks/waiver-expired",
    looks_for="An entry of waivers.toml whose `expires` lies in the past.",
    why="A waiver is a promise with a date. After it the finding comes back, and so does the promise.",
    fix="do what the finding asks, or renew the waiver with a reason that still holds",
    look=look,
    needs_application=False,
)
