"""A policy for UPDATE that does not say what a row may become."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.tables import name_of, problem, tables
from clarivum.database.planning.quoting import quoted


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        for policy in table.policies:
            if policy.command in {"update", "all"} and not policy.check:
                what = "UPDATE" if policy.command == "update" else "every verb, UPDATE among them,"
                message = f"the policy is for {what} and has no WITH CHECK, so USING decides what a row may become"
                name = quoted(policy.name)
                fix = f"alter policy {name} on {name_of(table)} with check ({policy.using or '…'});"
                yield problem(facts, table, message, fix, made=f"policy {table.qualified}.{policy.name}")


RULE = Rule(
    id="database/policy-without-check",
    looks_for="A policy FOR UPDATE or FOR ALL without WITH CHECK.",
    why="Postgres then takes USING for both, which is right only by luck: which rows one may touch and what they may "
    "become are two questions. `using (status = 'draft')` refuses to publish, `using (true)` lets a row be handed to "
    "another member, and whoever widens USING later widens the other without seeing it. Said twice, both are read.",
    fix="write with check (…) as well, be it the same condition",
    look=look,
    needs_application=False,
)
