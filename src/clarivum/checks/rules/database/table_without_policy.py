"""A table with row-level security that nobody has a policy for, although somebody holds a grant."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.tables import name_of, problem, tables
from clarivum.database.planning import Table

VERBS = ("select", "insert", "update", "delete")
BYPASSING = frozenset({"service_role", "postgres"})
"""Roles that policies do not apply to."""


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        for role, verbs in sorted(_uncovered(table).items()):
            message = f"{role} may {', '.join(verbs)}, but no policy lets it touch a row"
            fix = f"create policy … on {name_of(table)} for {verbs[0]} to {role} using (…);, or revoke the grant"
            yield problem(facts, table, message, fix)
        if not table.policies and not table.grants and not table.partition_of:
            yield problem(facts, table, "it has no policy")


def _uncovered(table: Table) -> dict[str, list[str]]:
    """Granted verbs without a policy, by role."""
    missing: dict[str, list[str]] = {}
    for role, privilege in table.grants:
        if privilege in VERBS and role not in BYPASSING:
            covered = any(
                policy.command in {privilege, "all"} and {role, "public"} & set(policy.roles)
                for policy in table.policies
            )
            if not covered:
                missing.setdefault(role, []).append(privilege)
    return missing


RULE = Rule(
    id="database/table-without-policy",
    looks_for="A table without any policy; or a role that was granted SELECT, INSERT, UPDATE or DELETE on a table "
    "for which no policy of that verb and role exists.",
    why="Row-level security without a policy returns no rows and says nothing: queries look as if there was no data. "
    "A grant and a policy belong together; each alone is a mistake waiting to be found.",
    fix="create policy … for the verb and the role, or revoke the grant",
    look=look,
    needs_application=False,
)
