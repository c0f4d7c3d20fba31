"""A declaration that the platform refuses, so that the application does not start."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule


def look(facts: Facts) -> Iterator[Problem]:
    yield from facts.loading.refusals


RULE = Rule(
    id="application/declaration-refused",
    looks_for="A module of the application that cannot be imported, or an application that cannot be put together: "
    "whatever raises DeclarationError, and any other error while loading.",
    why="`./clarivum up` and every process in production would stop at the same place. Each module is loaded by "
    "itself, so that one refusal does not hide the next.",
    fix="complete the declaration as the message says",
    look=look,
    needs_application=False,
)
