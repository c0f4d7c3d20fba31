"""A copy of rows that no policy can guard, readable by callers."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.placing import at_view

KINDS = {"m": "a materialized view", "f": "a foreign table"}


def look(facts: Facts) -> Iterator[Problem]:
    for view in facts.objects.views:
        if view.kind in KINDS and view.readers:
            roles = ", ".join(view.readers)
            message = f"{roles} may read it, and {KINDS[view.kind]} cannot have policies"
            yield at_view(facts, view, message, f"revoke all on {view.name} from public, {roles};")


RULE = Rule(
    id="database/materialized-view-exposed",
    looks_for="A materialized view or foreign table that anon, authenticated or clarivum_staff may read, by a grant "
    "on it or on one of its columns, through PUBLIC or through a role they are members of.",
    why="Row-level security cannot be enabled on either. A materialized view was filled by a login that sees every "
    "row, and shows all of them to whoever may select from it.",
    fix="revoke the grant, and let callers read it through a function or view that filters by the caller",
    look=look,
    needs_application=False,
)
