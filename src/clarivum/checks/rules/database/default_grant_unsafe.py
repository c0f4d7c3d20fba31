"""A grant that later tables get by themselves and row-level security does not hold back."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.placing import NOWHERE
from clarivum.checks.rules.database.table_with_unsafe_grant import TRUSTED, UNSAFE
from clarivum.database.planning.quoting import quoted


def look(facts: Facts) -> Iterator[Problem]:
    granted: dict[tuple[str, str, str], list[str]] = {}
    for grant in facts.objects.default_grants:
        if grant.grantee not in TRUSTED and (grant.privilege in UNSAFE or grant.grantee == "public"):
            granted.setdefault((grant.schema, grant.creator, grant.grantee), []).append(grant.privilege)
    for (schema, creator, grantee), privileges in granted.items():
        where = f"in schema {quoted(schema)} " if schema else ""
        verbs = ", ".join(privileges)
        message = f"{grantee} gets {verbs} on every table that {creator} makes {where}from now on"
        whom = "public" if grantee == "public" else quoted(grantee)
        fix = f"alter default privileges {where}revoke {verbs} on tables from {whom};"
        place = facts.places.get(f"default privileges {schema}", NOWHERE)
        yield Problem(place.file, place.line, f"default privileges {schema}".strip(), message, fix)


RULE = Rule(
    id="database/default-grant-unsafe",
    looks_for="Default privileges that give a role of the application TRUNCATE, REFERENCES, TRIGGER or MAINTAIN on "
    "tables to come, or PUBLIC anything.",
    why="As `table-with-unsafe-grant`, but for tables nobody has thought of yet: no migration will show the grant.",
    fix="alter default privileges … revoke …, and grant what each table needs where it is created",
    look=look,
    needs_application=False,
)
