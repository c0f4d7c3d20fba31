"""Ways in which one declared query is planned. Pure.

A generic plan knows nothing of the parameters' values, as it should be; but two habits of writing need help, since
a real execution does know them:

- `limit %(limit)s`: not knowing it, Postgres plans for a tenth of all rows. It is planned for a page instead.
- `(%(source)s::text is null or source = %(source)s)`: an optional filter. It is planned once with all of them left
  out and once with each of them given, because what serves one of these may not serve the other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pglast import ast, parse_sql
from pglast.visitors import Visitor

PAGE_ROWS = 50
MAX_OPTIONAL = 8
CACHED = 256
NULL_TEST = r"\$({number})(?!\d)(?:::[\w.\[\]\"]+)?\s+is\s+(not\s+)?null\b"


@dataclass(frozen=True, slots=True)
class Variant:
    """A query to be planned: what it assumes (empty: nothing) and its text, parameters as `$n`."""

    assumes: str
    sql: str


@lru_cache(CACHED)
def variants(sql: str, parameters: tuple[str, ...]) -> tuple[Variant, ...]:
    """How to plan a query whose `$n` stands for `parameters[n - 1]`. Raises pglast's ParseError."""
    found = _Finder()
    found(parse_sql(sql))
    for number in found.limits:
        sql = re.sub(rf"\${number}(?!\d)", f"{PAGE_ROWS}::bigint", sql)
    optional = [
        number
        for number in sorted(found.null_tested - found.limits)
        if re.search(NULL_TEST.format(number=number), sql, re.IGNORECASE)
    ][:MAX_OPTIONAL]
    if not optional:
        return (Variant("", sql),)
    return tuple(_optional(sql, parameters, optional))


def _optional(sql: str, parameters: tuple[str, ...], optional: list[int]) -> Iterator[Variant]:
    for given in (None, *optional):
        text = sql
        for number in optional:
            text = _decided(text, number, given=number == given)
        name = parameters[given - 1] if given is not None and given <= len(parameters) else None
        yield Variant(f"{name} given" if name else "no optional filter given", text)


def _decided(sql: str, number: int, *, given: bool) -> str:
    """The text with the null tests of `$number` decided; a parameter not given is null wherever it stands."""

    def decide(match: re.Match[str]) -> str:
        return "true" if given == bool(match[2]) else "false"

    text = re.sub(NULL_TEST.format(number=number), decide, sql, flags=re.IGNORECASE)
    return text if given else re.sub(rf"\${number}(?!\d)", "null", text)


class _Finder(Visitor):
    """Which parameters a LIMIT is made of, and which are tested for null."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: set[int] = set()
        self.null_tested: set[int] = set()

    def visit_SelectStmt(self, ancestors: object, node: Any) -> None:
        if node.limitCount is not None:
            self.limits |= _parameters(node.limitCount)

    def visit_NullTest(self, ancestors: object, node: Any) -> None:
        argument: Any = node.arg.arg if isinstance(node.arg, ast.TypeCast) else node.arg
        if isinstance(argument, ast.ParamRef) and argument.number:
            self.null_tested.add(argument.number)


class _Parameters(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.numbers: set[int] = set()

    def visit_ParamRef(self, ancestors: object, node: Any) -> None:
        self.numbers.add(node.number)


def _parameters(node: ast.Node) -> set[int]:
    found = _Parameters()
    found(ast.SelectStmt(limitCount=node))
    return found.numbers
