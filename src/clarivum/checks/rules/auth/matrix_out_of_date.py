"""A cell of the access matrix that is not what its page says."""

import json
from collections.abc import Iterator
from typing import Any

from clarivum.checks.access import DOCUMENT, PAGE, Change, changes, matrix_document, matrix_page
from clarivum.checks.access.matrix import cells_of
from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.pages.registry import first_difference
from clarivum.checks.rule import Rule
from clarivum.checks.rules.auth.resources import team_of_resource
from clarivum.errors import DeclarationError

SHOWN = 20
"""Cells told one by one; a matrix that differs altogether is told once."""


def look(facts: Facts) -> Iterator[Problem]:
    try:
        matrix = facts.access
    except DeclarationError as error:
        yield Problem(facts.package, 1, facts.package, f"the routes cannot be served together: {error.detail}")
        return
    if matrix is None:
        return
    document, page = facts.root / DOCUMENT, facts.root / PAGE
    if not document.exists() or not page.exists():
        missing = DOCUMENT if page.exists() else PAGE
        yield Problem(missing, 1, missing, "the access matrix was tried, and this page of it is missing")
        return
    text = document.read_text(encoding="utf-8")
    found = changes(_read(text), matrix.document())
    before, after = _resources(_read(text)), _resources(matrix.document())
    for name in dict.fromkeys(change.resource for change in found if change.resource not in before & after):
        what = "is gone, and its cells still stand there" if name in before else "is new: its cells stand on no page"
        yield Problem(DOCUMENT, 1, name, what, team=team_of_resource(facts, name))
    within = [change for change in found if change.resource in before & after]
    for change in within[:SHOWN]:
        subject, team = f"{change.resource} {change.caller} {change.verb}", team_of_resource(facts, change.resource)
        yield Problem(DOCUMENT, _line(text, change), subject, _told(change), team=team)
    if len(within) > SHOWN:
        yield Problem(DOCUMENT, 1, DOCUMENT, f"{len(within) - SHOWN} more cells differ")
    if found:
        return
    written = ((DOCUMENT, text, matrix_document(matrix)), (PAGE, page.read_text(encoding="utf-8"), _page(facts)))
    for name, there, wanted in written:
        line = first_difference(there, wanted)
        if line:
            yield Problem(name, line, name, "no cell changed, but the page is not written as it would be now")


def _resources(document: dict[str, Any]) -> set[str]:
    return {resource for resource, _, _ in cells_of(document)}


def _page(facts: Facts) -> str:
    assert facts.access is not None
    return matrix_page(facts.access, facts.catalog, facts.places)


def _read(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _told(change: Change) -> str:
    if not change.before:
        return f"is {change.after!r} and stands on no page"
    if not change.after:
        return f"was {change.before!r} and is no cell any more"
    return f"was {change.before!r} and is {change.after!r}"


def _line(text: str, change: Change) -> int:
    """The line of the resource in the JSON file."""
    place = text.find(f"{json.dumps(change.resource)}: {{")
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


RULE = Rule(
    id="auth/matrix-out-of-date",
    looks_for="A cell of the access matrix, found by trying it, that differs from docs/access-matrix.json, or a page "
    "that is missing or not written as it would be now.",
    why="Who may do what changes with a policy, a grant, a guard or a role, often by one word. The page makes each "
    "such change visible in the review, cell by cell, and tells an auditor what holds today.",
    fix="if the change is meant, run ./clarivum access matrix --write and commit both files; else mend the policy, "
    "grant or guard",
    look=look,
)
