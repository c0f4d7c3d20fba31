"""A query file that cannot be read as one."""

import re
from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.loading import PLACE, without_place
from clarivum.checks.rule import Rule

NAMED = re.compile(r"(?P<name>[a-z][a-z0-9_]*): (?P<message>.*)", re.DOTALL)
COLON_PARAMETER = 'syntax error at or near ":"'


def look(facts: Facts) -> Iterator[Problem]:
    for fault in facts.query_faults:
        place = PLACE.search(fault.detail)
        if place is None:
            continue
        said = without_place(fault.detail)
        named = NAMED.fullmatch(said)
        subject, message = (named["name"], named["message"]) if named else (Path(place["file"]).name, said)
        fix = "write a parameter as %(name)s" if COLON_PARAMETER in message else ""
        yield Problem(place["file"], int(place["line"]), subject, message, fix)


RULE = Rule(
    id="database/query-file-invalid",
    looks_for="A queries.sql that holds no query, begins with a byte order mark or is not UTF-8; a heading that cannot "
    "be read; two queries of one name; a query without a statement, with two, or with one that Postgres' grammar "
    "refuses.",
    why="An application does not start with such a file, and stops at the first fault in it. Here all of them are "
    "named, each with its line, whether or not the application loads.",
    fix="correct the line",
    look=look,
    needs_application=False,
)
