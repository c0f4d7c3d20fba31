"""A unique index that lets one member find out what another has."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.callers import Callers
from clarivum.checks.rules.database.tables import name_of, problem, tables
from clarivum.database.planning import Index, Table
from clarivum.database.planning.conditions import conjuncts
from clarivum.database.planning.quoting import quoted

BYPASSING = frozenset({"service_role", "postgres"})
WRITES = frozenset({"insert", "update"})


def look(facts: Facts) -> Iterator[Problem]:
    callers = Callers(facts.objects.functions)
    for table in tables(facts):
        tenant = _tenant_columns(table, callers)
        if not tenant:
            continue
        for index in table.indexes:
            if index.unique and not index.part_of and not _names(index, tenant) and not _is_unguessable(table, index):
                keys, column = ", ".join(index.keys), sorted(tenant)[0]
                message = f"unique over ({keys}) for all of them, while its policies tell rows apart by {column}"
                columns = ", ".join([quoted(column), *index.keys])
                where = f" where {index.predicate}" if index.predicate else ""
                fix = (
                    f"create unique index concurrently … on {name_of(table)} ({columns}){where};"
                    f" then drop {quoted(index.name)}"
                )
                yield problem(facts, table, message, fix, made=f"index {table.qualified}.{index.name}")


def _tenant_columns(table: Table, callers: Callers) -> frozenset[str]:
    """Columns that the policies of roles which may write compare with who the caller is."""
    writers = {role for role, privilege in table.grants if privilege in WRITES} - BYPASSING
    found: set[str] = set()
    for policy in table.policies:
        if "public" in policy.roles or "public" in writers or writers & set(policy.roles):
            for condition in filter(None, (policy.using, policy.check)):
                found |= callers.compared(condition, table)
    return frozenset(found)


def _names(index: Index, columns: frozenset[str]) -> bool:
    """Whether some key is made of such a column, or the index holds rows of one tenant only by its predicate."""
    asked = {column for part in conjuncts(index.predicate, "") for column in part.columns}
    keyed = {column for key in index.keys for part in conjuncts(f"({key}) is null", "") for column in part.columns}
    return bool(columns & (keyed | asked))


def _is_unguessable(table: Table, index: Index) -> bool:
    """Whether a key holds what callers do not choose: a UUID, an identity, a number from a sequence."""
    keys = [column for column in map(table.column, index.keys) if column is not None]
    return any(key.type == "uuid" or key.identity or "nextval(" in key.default for key in keys)


RULE = Rule(
    id="database/unique-across-tenants",
    looks_for="A unique index or constraint without the column that tells members apart (the one that policies compare "
    "with the caller's claims), on a table that the roles of these policies may insert into or update. Keys over a "
    "UUID, an identity or a sequence are not reported: callers do not choose them.",
    why="Uniqueness is checked over all rows, whatever the policies hide: who inserts a value and gets a conflict "
    "knows that somebody else has it. One member can also take a name from all others.",
    fix="lead the unique index with the owner's column; where the value must be unique for all, waive it and say why",
    look=look,
    needs_application=False,
)
