"""A SECURITY DEFINER function whose names can be made to mean something else."""

import re
from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.rules.database.placing import at_function

SCHEMA = re.compile(r'"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^\s,"]+)')
IMPLICIT = frozenset({"", "pg_catalog"})


def look(facts: Facts) -> Iterator[Problem]:
    for function in facts.objects.functions:
        if function.definer:
            danger = unsafe(function.search_path, facts.objects.writable_schemas)
            if danger:
                fix = f"alter routine {function.signature} set search_path = '';   -- and qualify the names in it"
                yield at_function(facts, function, danger, fix)


def unsafe(search_path: str | None, writable: frozenset[str]) -> str:
    """What is wrong with the setting of a function, as Postgres keeps it; empty when nothing is."""
    if search_path is None:
        return "it runs with its owner's rights, and names in it are looked up along its caller's search_path"
    schemas = [found["bare"] or (found["quoted"] or "").replace('""', '"') for found in SCHEMA.finditer(search_path)]
    if "$user" in schemas:
        return 'its search_path has "$user", a schema that its caller can own'
    open_to_others = [schema for schema in schemas if schema in writable]
    if open_to_others:
        return f"others may create in {', '.join(open_to_others)}, which is on its search_path"
    if not IMPLICIT.issuperset(schemas) and schemas[-1] != "pg_temp":
        return "its search_path does not end in pg_temp, so temporary tables of its caller come first"
    if "pg_temp" in schemas[:-1]:
        return "its search_path has pg_temp before other schemas: temporary tables of its caller come first"
    return ""


RULE = Rule(
    id="database/definer-without-search-path",
    looks_for="A SECURITY DEFINER function without a search_path of its own, or with one that has `$user`, a schema in "
    "which others may create, or pg_temp anywhere but at its end (where it is not named it comes first).",
    why="The caller decides what an unqualified name means: a table or function of the same name, put where it is "
    "found first, runs with the rights of the function's owner.",
    fix="set search_path = '' and qualify every name",
    look=look,
    needs_application=False,
)
