"""A SECURITY DEFINER function that anybody may call."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.placing import at_function


def look(facts: Facts) -> Iterator[Problem]:
    for function in facts.objects.functions:
        if function.definer and function.open_to_public:
            message = f"PUBLIC, every login there is, may execute it with the rights of {function.owner}"
            yield at_function(facts, function, message, f"revoke execute on routine {function.signature} from public;")


RULE = Rule(
    id="database/definer-open-to-public",
    looks_for="A SECURITY DEFINER function that PUBLIC may execute, which holds for every new function until it is "
    "revoked. Trigger functions too: a caller may put one on a temporary table of its own.",
    why="It lends its owner's rights to visitors, through the data API as well when its schema is exposed.",
    fix="revoke execute on routine … from public, and grant it to the roles that call it",
    look=look,
    needs_application=False,
)
