"""A SECURITY DEFINER function whose owner no policy holds back."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.placing import at_function

POWERS = {"superuser": "a superuser", "BYPASSRLS": "a role with BYPASSRLS"}


def look(facts: Facts) -> Iterator[Problem]:
    for function in facts.objects.functions:
        if function.definer and function.owner_power:
            message = f"it runs as {function.owner}, {POWERS[function.owner_power]}: no policy holds for what it does"
            fix = (
                f"alter routine {function.signature} owner to clarivum_worker;"
                "   -- or a role of its own: nologin, nobypassrls, with just the grants it needs"
            )
            yield at_function(facts, function, message, fix)


RULE = Rule(
    id="database/definer-owned-by-superuser",
    looks_for="A SECURITY DEFINER function that belongs to a superuser or to a role with BYPASSRLS. A function belongs "
    "to the login that migrates unless it is given away: on the embedded server a superuser, on a hosted Supabase "
    "project `postgres`, which is none but bypasses row-level security. Both are reported, since to policies, FORCE "
    "included, they are the same.",
    why="Whoever may call it acts without any policy, and every mistake in its body is everybody's data. Owned by a "
    "role without such power, it can do what that role was granted, within that role's policies.",
    fix="make it security invoker, or give it to a role that policies hold for: alter routine … owner to …",
    look=look,
    needs_application=False,
)
