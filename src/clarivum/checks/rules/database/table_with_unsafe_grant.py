"""A grant that row-level security does not hold back."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.tables import name_of, problem, tables

UNSAFE = ("truncate", "references", "trigger", "maintain")
TRUSTED = frozenset({"service_role", "postgres"})


def look(facts: Facts) -> Iterator[Problem]:
    for table in tables(facts):
        for role in sorted({role for role, _ in table.grants} - TRUSTED):
            held = {privilege for grantee, privilege in table.grants if grantee == role}
            unsafe = [privilege for privilege in UNSAFE if privilege in held]
            if role == "public":
                fix = f"revoke all on {name_of(table)} from public;"
                yield problem(facts, table, f"PUBLIC, every login there is, may {', '.join(sorted(held))}", fix)
            elif unsafe:
                fix = f"revoke {', '.join(unsafe)} on {name_of(table)} from {role};"
                yield problem(facts, table, f"{role} may {', '.join(unsafe)}, which no policy restrains", fix)


RULE = Rule(
    id="database/table-with-unsafe-grant",
    looks_for="TRUNCATE, REFERENCES, TRIGGER or MAINTAIN granted to a role of the application, or anything granted "
    "to PUBLIC. `grant all` grants all of these.",
    why="TRUNCATE ignores policies: one statement empties the table for every member. REFERENCES and TRIGGER let a "
    "role learn of rows that policies hide.",
    fix="grant the verbs that are needed (select, insert, update, delete), never all",
    look=look,
    needs_application=False,
)
