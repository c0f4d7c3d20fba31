"""Known tables in code that is text to the grammar: the body of a function, a statement put together as it runs. Pure.

A name with its schema counts wherever it stands; one without, where SQL has a table's name.
"""

import re
from collections.abc import Container, Iterator

from clarivum.checks.statements.naming import DEFAULT_SCHEMA

NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
QUALIFIED = re.compile(rf"({NAME})\s*\.\s*({NAME})")
BEFORE_TABLES = re.compile(
    r"\b(?:table|only|into|update|from|join|using|on|references|truncate)\b\s*(?:if\s+exists\s+)?", re.IGNORECASE
)
TABLE = re.compile(rf"(?:only\b\s*)?(?P<schema>{NAME}\s*\.\s*)?(?P<name>{NAME})", re.IGNORECASE)
NEXT = re.compile(rf"\s*\*?(?:\s*(?:as\s+)?{NAME})?\s*,\s*", re.IGNORECASE)
"""To the next table of a list: an alias, and the comma."""


def tables_named(code: str, tables: Container[str]) -> list[str]:
    """Which of `tables` (`schema.name`) a piece of code names, each once."""
    found = [f"{folded(schema)}.{folded(name)}" for schema, name in QUALIFIED.findall(code)]
    found += [f"{DEFAULT_SCHEMA}.{folded(name)}" for name in _listed(code)]
    return [name for name in dict.fromkeys(found) if name in tables]


def folded(name: str) -> str:
    """A name as the catalog has it: in lower case, unless it is quoted."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _listed(code: str) -> Iterator[str]:
    """The names, without their schema, in every list of tables."""
    for begin in BEFORE_TABLES.finditer(code):
        position = begin.end()
        while table := TABLE.match(code, position):
            if table["schema"] is None:
                yield table["name"]
            comma = NEXT.match(code, table.end())
            if comma is None:
                break
            position = comma.end()
