"""A function of ours that says it leaks nothing."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.placing import at_function


def look(facts: Facts) -> Iterator[Problem]:
    for function in facts.objects.functions:
        if function.leakproof:
            message = "it is LEAKPROOF, so it is run on rows before the policies have hidden them"
            yield at_function(facts, function, message, f"alter function {function.signature} not leakproof;")


RULE = Rule(
    id="database/function-leakproof",
    looks_for="A function of the application that is marked LEAKPROOF.",
    why="The planner runs a leakproof condition before the policies, on rows the caller may not see. One error "
    "message, one notice, one time difference that depends on the value then tells of them. Postgres does not "
    "verify the mark.",
    fix="alter function … not leakproof",
    look=look,
    needs_application=False,
)
